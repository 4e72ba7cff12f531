"""Compiled: NumPy functions on small dual arrays, and passes of functions of small arrays."""

from collections.abc import Callable
from typing import Any

def table() -> dict[Callable[..., Any], Any]: ...
def picked(x: Any, positions: Any) -> Any: ...
def first_order_pass(
    function: Callable[..., Any], args: tuple[Any, ...], position: int, kwargs: dict[str, Any], strict: bool,
    scalar: bool, below: int
) -> Any: ...
def second_order_pass(
    function: Callable[..., Any], args: tuple[Any, ...], position: int, kwargs: dict[str, Any], strict: bool, below: int
) -> Any: ...
