"""Exceptions whose messages name the function involved, what was found and the cure."""


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


class DerivativeMismatch(DualDiffError, AssertionError):
    """Derivatives and central differences disagree."""


class PatternError(DualDiffError, ValueError):
    """A derivative has entries where its sparsity pattern has none."""
