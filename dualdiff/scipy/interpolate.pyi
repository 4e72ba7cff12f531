from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["CubicSpline", "PchipInterpolator", "interp1d"]

class _Piecewise:
    # The knots, and the coefficients from the highest power down: dual where the values are.
    x: NDArray[np.float64]
    c: Any
    axis: int
    extrapolate: Any
    def __init__(self, x: ArrayLike, y: Any, axis: int, extrapolate: Any, least: int) -> None: ...
    def __call__(self, x: Any, nu: int = 0, extrapolate: Any = None) -> Any: ...

class CubicSpline(_Piecewise):
    def __init__(
        self, x: ArrayLike, y: Any, axis: int = 0, bc_type: Any = "not-a-knot", extrapolate: Any = None
    ) -> None: ...

class PchipInterpolator(_Piecewise):
    def __init__(self, x: ArrayLike, y: Any, axis: int = 0, extrapolate: Any = None) -> None: ...

class interp1d(_Piecewise):
    bounds_error: bool
    fill_value: Any
    def __init__(
        self, x: ArrayLike, y: Any, kind: Literal["linear", "cubic"] = "linear", axis: int = -1,
        bounds_error: bool | None = None, fill_value: Any = ...,
    ) -> None: ...
    def __call__(self, x: Any) -> Any: ...  # type: ignore[override]
