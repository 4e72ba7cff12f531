# The Cython API: scalar dual numbers, and the chain rule, for Cython code of your own.
#
#     from dualdiff cimport Dual, HyperDual, chain, chain2, tangent
#
# A function of one number that you compute in Cython, with its derivatives, becomes a function of dual numbers by
# `chain` and `chain2`; examples/cython holds one that builds. The headers of NumPy are needed (`numpy.get_include()`).
# A Dual has its value at `x.v` and `x.k` tangents, `tangent(x, 0)` to `tangent(x, x.k - 1)`. The layout of the objects
# may change with any version: build again after an upgrade, and Cython's own check says so where that was forgotten.
from ._scalar cimport DIAGONAL, FULL, Dual, HyperDual, dual_like, hyper_like


cdef inline double tangent(Dual x, Py_ssize_t i) noexcept nogil:
    """Tangent i. A number stores those of its window, `x.n` of them from column `x.first` on; all others are zero."""
    return x.stored[i - x.first] if x.first <= i < x.first + x.n else 0.0


cdef inline double scaled(double slope, double tangent) noexcept nogil:
    """``slope tangent`` under the strong zero: a tangent of 0 contributes 0, whatever the slope."""
    return 0.0 if tangent == 0.0 else slope*tangent


cdef inline Dual chain(Dual x, double y, double d1):
    """The number ``f(x)`` from its value ``y = f(x.v)`` and the first derivative there."""
    cdef Dual r = dual_like(x)
    cdef Py_ssize_t i
    r.v = y
    for i in range(x.n):
        r.stored[i] = scaled(d1, x.stored[i])
    return r


cdef inline HyperDual chain2(HyperDual x, double y, double d1, double d2):
    """The number ``f(x)`` from its value and the first two derivatives there (Fike & Alonso 2011)."""
    cdef HyperDual r = hyper_like(x)
    cdef Py_ssize_t p, q, j = 0
    r.v = y
    for p in range(x.n1):
        r.e1_[p] = scaled(d1, x.e1_[p])
    if x.kind == FULL:
        for q in range(x.n2):
            r.e2_[q] = scaled(d1, x.e2_[q])
    for p in range(x.n1):
        # Equal seeds: the pairs from the diagonal on, or the diagonal alone.
        for q in range(0 if x.kind == FULL else p, p + 1 if x.kind == DIAGONAL else x.n2):
            r.e12_[j] = scaled(d1, x.e12_[j]) + scaled(scaled(d2, x.e1_[p]), x.e2_[q])
            j += 1
    return r
