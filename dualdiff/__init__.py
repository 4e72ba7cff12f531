"""dualdiff: exact derivatives of ordinary NumPy code, forward by dual and hyper-dual numbers, and in reverse."""

from ._version import __version__

try:
    from . import _array, _kernels, _scalar, _small  # noqa: F401
except ImportError as error:
    raise ImportError(
        "dualdiff was imported from a folder that holds its sources but not its compiled modules (the current folder "
        "comes first on the path): install it with `python -m pip install -e .`, or leave the source folder"
    ) from error

from . import nested, protocols, reverse, tangents  # noqa: F401

_array.bind(nested, protocols, tangents)

from ._array import DualArray, HyperDualArray  # noqa: E402
from ._scalar import Dual, HyperDual  # noqa: E402
from ._threads import threads  # noqa: E402
from .check import check_derivatives  # noqa: E402
from .compare import compare_modes  # noqa: E402
from .custom import custom_jvp, custom_vjp, elementwise  # noqa: E402
from .errors import (  # noqa: E402
    DerivativeMismatch,
    DifferentiationTypeError,
    DifferentiationValueError,
    DualDiffError,
    ExecutorError,
    LevelError,
    LostTangentError,
    MissingPackageError,
    PatternError,
    TangentMismatchError,
    UnsupportedFunctionError,
)
from .functions import (  # noqa: E402
    erf,
    erfc,
    gelu,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    logsumexp,
    relu,
    sigmoid,
    silu,
    sinc,
    softmax,
    softplus,
    stop_gradient,
    value,
)
from .numpy_aware import numpy_aware  # noqa: E402
from .packing import pack  # noqa: E402
from .programs import replay  # noqa: E402
from .pullbacks import checkpoint, vjp  # noqa: E402
from .transforms import (  # noqa: E402
    derivative,
    divergence,
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    laplacian,
    logabsdet_jacobian,
    propagate,
    value_and_grad,
    value_and_jacobian,
    value_grad_and_hessian,
)

from . import sparse  # noqa: E402, isort: skip

__all__ = [
    "DerivativeMismatch",
    "DifferentiationTypeError",
    "DifferentiationValueError",
    "Dual",
    "DualArray",
    "DualDiffError",
    "ExecutorError",
    "HyperDual",
    "HyperDualArray",
    "LevelError",
    "LostTangentError",
    "MissingPackageError",
    "PatternError",
    "TangentMismatchError",
    "UnsupportedFunctionError",
    "__version__",
    "check_derivatives",
    "checkpoint",
    "compare_modes",
    "custom_jvp",
    "custom_vjp",
    "derivative",
    "divergence",
    "elementwise",
    "erf",
    "erfc",
    "gelu",
    "grad",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "laplacian",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "logabsdet_jacobian",
    "logsumexp",
    "numpy_aware",
    "pack",
    "propagate",
    "relu",
    "replay",
    "sigmoid",
    "silu",
    "sinc",
    "softmax",
    "softplus",
    "sparse",
    "stop_gradient",
    "threads",
    "value",
    "value_and_grad",
    "value_and_jacobian",
    "value_grad_and_hessian",
    "vjp",
]
