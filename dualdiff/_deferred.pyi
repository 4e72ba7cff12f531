"""Compiled: elementwise operations on large arrays that wait."""

from typing import final

from ._threads import Work

@final
class Run(Work): ...

@final
class Node: ...

@final
class Planing: ...
