# Nesting levels as C sees them.
cpdef long open_level(bint strict=*, bint holomorphic=*) except -1
cpdef close_level(long level)
cpdef bint is_strict(long level) noexcept
cpdef bint is_holomorphic(long level) noexcept
