"""Exceptions whose messages name the function involved, what was found and the cure."""

import importlib


class DualDiffError(Exception):
    """Base of every error that dualdiff raises on purpose."""


class LostTangentError(DualDiffError, TypeError):
    """An operation would have thrown a tangent away."""


class UnsupportedFunctionError(DualDiffError, TypeError):
    """A function has no derivative rule for dual numbers."""


class DifferentiationTypeError(DualDiffError, TypeError):
    """An argument or a result has a type that cannot be differentiated."""


class DifferentiationValueError(DualDiffError, ValueError):
    """An argument or a result has the right type but a value or shape that does not fit."""


class TangentMismatchError(DifferentiationValueError):
    """Two dual numbers that belong together carry different numbers of tangents."""


class LevelError(DualDiffError, RuntimeError):
    """A dual number was used outside the transform call that made it."""


class MissingPackageError(DualDiffError, ImportError):
    """What was asked for needs a package that is not installed."""


class ExecutorError(DualDiffError, RuntimeError):
    """Work that was handed to an executor could not get there, or did not come back."""


class DerivativeMismatch(DualDiffError, AssertionError):
    """Derivatives and central differences disagree."""


class PatternError(DualDiffError, ValueError):
    """A derivative has entries where its sparsity pattern has none."""


def refuse_conversion(x, what):
    """Raise the error of a conversion to a plain number, which is where most lost tangents would be lost."""
    raise LostTangentError(
        f"{what} of a {type(x).__name__} would lose its tangents. In place of math.sin(x) write np.sin(x); in place of "
        f"np.zeros(n), which holds floats only, np.zeros(n, like=x) or np.zeros_like(x), or decorate the function with "
        f"dualdiff.numpy_aware; functions of SciPy that ask for floats are in dualdiff.scipy; and where the plain "
        f"number is meant, say so with dualdiff.value(x)"
    )


def refuse_pickle(x):
    """Raise the error of pickling a number that means nothing elsewhere."""
    raise LostTangentError(
        f"a {type(x).__name__} that belongs to a running transform cannot be pickled: its level means nothing in "
        f"another process; pickle dualdiff.value(x), or the result of the transform"
    )


def optional(module, user, install):
    """Import what is no requirement of dualdiff; the error of its absence says who needs it and how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPackageError(
            f"{user} needs {module.partition('.')[0]}, which is not installed here; install it with "
            f'`python -m pip install "{install}"`'
        ) from error
