"""SciPy's functions on dual numbers, where SciPy itself cannot dispatch to them.

The modules are named as SciPy's are, and their functions take floats and dual numbers alike. The ufuncs of
``scipy.special`` need nothing from here: they know dual numbers as soon as dualdiff and SciPy are both loaded.
Importing `dualdiff` does not import SciPy; importing a module of this package does.
"""

import importlib

__all__ = ["integrate", "interpolate", "linalg", "optimize", "special", "stats"]


def __getattr__(name):
    if name in __all__:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return __all__
