"""Compiled: elementwise operations on large arrays that wait."""
