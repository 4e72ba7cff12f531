from collections.abc import Callable
from typing import Any

__all__ = ["quad", "solve_ivp"]

def solve_ivp(
    fun: Callable[..., Any], t_span: Any, y0: Any, method: Any = "RK45", t_eval: Any = None,
    dense_output: bool = False, events: Any = None, vectorized: bool = False, args: Any = None, **options: Any,
) -> Any: ...
def quad(
    func: Callable[..., Any], a: Any, b: Any, args: Any = (), epsabs: float = 1.49e-8, epsrel: float = 1.49e-8,
    limit: int = 50, points: Any = None, **options: Any,
) -> tuple[Any, ...]: ...
