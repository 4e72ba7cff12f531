from typing import Any

__all__ = [
    "beta", "binom", "cauchy", "expon", "gamma", "invgamma", "laplace", "logistic", "lognorm", "multivariate_normal",
    "nbinom", "norm", "poisson", "t", "weibull_min",
]

class _Continuous:
    shapes: int
    low: float
    high: float
    def logpdf(self, x: Any, *args: Any, loc: Any = 0, scale: Any = 1) -> Any: ...
    def pdf(self, x: Any, *args: Any, loc: Any = 0, scale: Any = 1) -> Any: ...
    def logcdf(self, x: Any, *args: Any, loc: Any = 0, scale: Any = 1) -> Any: ...
    def cdf(self, x: Any, *args: Any, loc: Any = 0, scale: Any = 1) -> Any: ...
    def logsf(self, x: Any, *args: Any, loc: Any = 0, scale: Any = 1) -> Any: ...
    def sf(self, x: Any, *args: Any, loc: Any = 0, scale: Any = 1) -> Any: ...

class _Discrete:
    shapes: int
    def logpmf(self, k: Any, *args: Any, loc: Any = 0) -> Any: ...
    def pmf(self, k: Any, *args: Any, loc: Any = 0) -> Any: ...
    def logcdf(self, k: Any, *args: Any, loc: Any = 0) -> Any: ...
    def logsf(self, k: Any, *args: Any, loc: Any = 0) -> Any: ...

class _MultivariateNormal:
    def logpdf(self, x: Any, mean: Any = None, cov: Any = 1) -> Any: ...
    def pdf(self, x: Any, mean: Any = None, cov: Any = 1) -> Any: ...

norm: _Continuous
t: _Continuous
cauchy: _Continuous
laplace: _Continuous
logistic: _Continuous
expon: _Continuous
lognorm: _Continuous
gamma: _Continuous
invgamma: _Continuous
beta: _Continuous
weibull_min: _Continuous
poisson: _Discrete
binom: _Discrete
nbinom: _Discrete
multivariate_normal: _MultivariateNormal
