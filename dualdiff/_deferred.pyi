"""Compiled: elementwise operations on large arrays that wait."""

from typing import final

@final
class Node: ...

@final
class Planing: ...
