"""Compiled: elementwise operations on large arrays that wait."""

from typing import Any, final

from ._threads import Work

@final
class Run(Work): ...

@final
class Node: ...

@final
class Planing:
    def __init__(self, a: Any, b: Any, columns: Any) -> None: ...
