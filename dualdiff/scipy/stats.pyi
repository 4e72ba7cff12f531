from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike, NDArray

__all__ = [
    "beta", "binom", "cauchy", "covariance", "expon", "gamma", "invgamma", "laplace", "logistic", "lognorm",
    "multivariate_normal", "nbinom", "norm", "poisson", "standard_errors", "t", "weibull_min",
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
    def cdf(self, k: Any, *args: Any, loc: Any = 0) -> Any: ...
    def logsf(self, k: Any, *args: Any, loc: Any = 0) -> Any: ...
    def sf(self, k: Any, *args: Any, loc: Any = 0) -> Any: ...

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

def covariance(
    nll: Callable[..., Any], x: ArrayLike, *args: Any, sandwich: bool = False, **kwargs: Any
) -> NDArray[Any]: ...
def standard_errors(
    nll: Callable[..., Any], x: ArrayLike, *args: Any, sandwich: bool = False, **kwargs: Any
) -> NDArray[Any]: ...
