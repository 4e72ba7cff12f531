from collections.abc import Callable, Mapping
from typing import Any

__all__ = [
    "NonlinearConstraint", "brentq", "curve_fit", "fsolve", "least_squares", "minimize", "newton", "root",
    "root_scalar",
]

_Function = Callable[..., Any]

def minimize(
    fun: _Function, x0: Any, args: Any = (), method: Any = None, jac: Any = None, hess: Any = None, hessp: Any = None,
    bounds: Any = None, constraints: Any = (), tol: float | None = None, callback: _Function | None = None,
    options: Mapping[str, Any] | None = None,
) -> Any: ...

class NonlinearConstraint:
    fun: _Function
    lb: Any
    ub: Any
    jac: Any
    hess: Any
    keep_feasible: Any
    def __init__(
        self, fun: _Function, lb: Any, ub: Any, jac: Any = None, hess: Any = None, keep_feasible: Any = False,
        **options: Any,
    ) -> None: ...
    def without_hessian(self) -> Any: ...

def least_squares(
    fun: _Function, x0: Any, jac: Any = None, bounds: Any = ..., method: str = "trf", *, args: Any = (),
    kwargs: Mapping[str, Any] | None = None, jac_sparsity: Any = None, **options: Any,
) -> Any: ...
# (popt, pcov), and three more with full_output.
def curve_fit(
    f: _Function, xdata: Any, ydata: Any, p0: Any = None, sigma: Any = None, absolute_sigma: bool = False,
    check_finite: bool | None = None, bounds: Any = ..., method: str | None = None, jac: Any = None, *,
    full_output: bool = False, nan_policy: str | None = None, **kwargs: Any,
) -> tuple[Any, ...]: ...
def root(
    fun: _Function, x0: Any, args: Any = (), method: str = "hybr", jac: Any = None, tol: float | None = None,
    callback: _Function | None = None, options: Mapping[str, Any] | None = None,
) -> Any: ...
def fsolve(func: _Function, x0: Any, args: Any = (), fprime: Any = None, **options: Any) -> Any: ...
def root_scalar(
    f: _Function, args: Any = (), method: str | None = None, bracket: Any = None, fprime: Any = None,
    fprime2: Any = None, x0: Any = None, x1: Any = None, **options: Any,
) -> Any: ...
def brentq(f: _Function, a: Any, b: Any, args: Any = (), **options: Any) -> Any: ...
def newton(
    func: _Function, x0: Any, fprime: Any = None, args: Any = (), tol: float = 1.48e-8, maxiter: int = 50,
    fprime2: Any = None, x1: Any = None, **options: Any,
) -> Any: ...
