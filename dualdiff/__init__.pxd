# The Cython API: scalar dual numbers, and the chain rule, for Cython code of your own.
#
#     from dualdiff cimport Dual, HyperDual, chain, chain2
#
# A function of one number that you compute in Cython, with its derivatives, becomes a function of dual numbers by
# `chain` and `chain2`; examples/cython holds one that builds. The headers of NumPy are needed (`numpy.get_include()`).
# A Dual has its value at `x.v` and `x.k` tangents at `x.t[0]` to `x.t[x.k - 1]`. The layout of the objects may change
# with any version: build again after an upgrade, and Cython's own check says so where that was forgotten.
from ._scalar cimport FULL, TRIANGLE, Dual, HyperDual, new_dual, new_hyper


cdef inline double scaled(double slope, double tangent) noexcept nogil:
    """``slope tangent`` under the strong zero: a tangent of 0 contributes 0, whatever the slope."""
    return 0.0 if tangent == 0.0 else slope*tangent


cdef inline Dual chain(Dual x, double y, double d1):
    """The number ``f(x)`` from its value ``y = f(x.v)`` and the first derivative there."""
    cdef Dual r = new_dual(x.k, x.level, x.single)
    cdef Py_ssize_t i
    r.v = y
    for i in range(x.k):
        r.t[i] = scaled(d1, x.t[i])
    return r


cdef inline HyperDual chain2(HyperDual x, double y, double d1, double d2):
    """The number ``f(x)`` from its value and the first two derivatives there (Fike & Alonso 2011)."""
    cdef HyperDual r = new_hyper(x.k1, x.k2, x.kind, x.level, x.single)
    cdef Py_ssize_t p, q, last, j = 0
    r.v = y
    for p in range(x.k1):
        r.e1_[p] = scaled(d1, x.e1_[p])
    if x.kind == FULL:
        for q in range(x.k2):
            r.e2_[q] = scaled(d1, x.e2_[q])
    for p in range(x.k1):
        q = 0 if x.kind == FULL else p  # equal seeds: the pairs from the diagonal on, or the diagonal alone
        last = p + 1 if x.kind != FULL and x.kind != TRIANGLE else x.k2
        while q < last:
            r.e12_[j] = scaled(d1, x.e12_[j]) + scaled(scaled(d2, x.e1_[p]), x.e2_[q])
            j += 1
            q += 1
    return r
