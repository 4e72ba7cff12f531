from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Pattern",
    "column_colouring",
    "hessian",
    "jacobian",
    "pattern",
    "star_colouring",
    "value_and_jacobian",
    "value_grad_and_hessian",
    "weighted_hessian",
]

_Function: TypeAlias = Callable[..., Any]
_Entries: TypeAlias = Pattern | ArrayLike | Any
_Order: TypeAlias = Literal["best", "natural", "largest_first", "smallest_last", "incidence_degree"]
_Colours: TypeAlias = NDArray[np.intp]

class Pattern:
    array: Any
    def __init__(self, entries: _Entries) -> None: ...
    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def nnz(self) -> int: ...
    @property
    def T(self) -> Pattern: ...
    def coordinates(self) -> tuple[NDArray[Any], NDArray[Any]]: ...
    def is_symmetric(self) -> bool: ...
    def plot(self, ax: Any = None, **options: Any) -> Any: ...
    def __or__(self, other: Pattern) -> Pattern: ...
    def __eq__(self, other: object) -> bool: ...
    __hash__ = None  # type: ignore[assignment]

class Evaluator:
    pattern: Pattern
    colours: NDArray[Any]
    symmetric: bool
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...
    def verify(self, *args: Any, **kwargs: Any) -> None: ...

def pattern(function: _Function, x: Any, *args: Any, order: int = 1, **kwargs: Any) -> Pattern: ...
def column_colouring(pattern: _Entries, *, order: _Order = "best") -> _Colours: ...
def star_colouring(pattern: _Entries, *, order: _Order = "best") -> _Colours: ...
def jacobian(
    function: _Function, pattern: _Entries, argnums: int = 0, *, symmetric: bool = False,
    colours: ArrayLike | None = None, verify: bool = True, chunk_size: int | None = None,
    max_memory: float | None = None, strict: bool = False,
) -> Evaluator: ...
def value_and_jacobian(
    function: _Function, pattern: _Entries, argnums: int = 0, *, symmetric: bool = False,
    colours: ArrayLike | None = None, verify: bool = True, chunk_size: int | None = None,
    max_memory: float | None = None, strict: bool = False,
) -> Evaluator: ...
def hessian(
    function: _Function, pattern: _Entries, argnums: int = 0, *, colours: ArrayLike | None = None,
    verify: bool = True, chunk_size: int | None = None, max_memory: float | None = None, strict: bool = False,
) -> Evaluator: ...
def value_grad_and_hessian(
    function: _Function, pattern: _Entries, argnums: int = 0, *, colours: ArrayLike | None = None,
    verify: bool = True, chunk_size: int | None = None, max_memory: float | None = None, strict: bool = False,
) -> Evaluator: ...
def weighted_hessian(
    function: _Function, pattern: _Entries, *, colours: ArrayLike | None = None, verify: bool = True,
    chunk_size: int | None = None, max_memory: float | None = None, strict: bool = False,
) -> Evaluator: ...
