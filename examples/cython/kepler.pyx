# cython: language_level=3, cdivision=True
"""Kepler's equation ``E - e sin(E) = M``, solved in C: a function that dualdiff cannot see into, with its derivatives.

`eccentric_anomaly` takes floats, and the scalar dual numbers that the transforms of dualdiff pass to a function of one
number or of a list of numbers.
"""
from libc.math cimport M_PI, cos, fabs, sin

from dualdiff cimport Dual, HyperDual, chain, chain2


cdef double solve(double mean, double e) noexcept nogil:
    """Newton's method from a start that converges for every eccentricity below 1."""
    cdef double anomaly = mean if e < 0.8 else M_PI
    cdef double step
    cdef int i
    for i in range(50):
        step = (anomaly - e*sin(anomaly) - mean)/(1.0 - e*cos(anomaly))
        anomaly -= step
        if fabs(step) < 1e-15*fabs(anomaly):
            break
    return anomaly


def eccentric_anomaly(mean, double e):
    """Return E for the mean anomaly M in [0, 2π] and the eccentricity e; differentiable in M.

    By the implicit function theorem ``dE/dM = 1/(1 - e cos E)`` and ``d²E/dM² = -e sin E (dE/dM)³``.
    """
    cdef double value = mean.value if isinstance(mean, (Dual, HyperDual)) else mean
    cdef double anomaly = solve(value, e)
    cdef double d1 = 1.0/(1.0 - e*cos(anomaly))
    if isinstance(mean, Dual):
        return chain(mean, anomaly, d1)
    if isinstance(mean, HyperDual):
        return chain2(mean, anomaly, d1, -e*sin(anomaly)*d1*d1*d1)
    return anomaly
