"""Standard errors of estimates that minimize a negative log-likelihood."""

import numpy as np

from .. import transforms
from ..errors import DifferentiationValueError
from .evaluations import packed


def covariance(nll, x, *args, sandwich=False, **kwargs):
    """Estimate the covariance of a maximum-likelihood estimate.

    Parameters
    ----------
    nll : callable
        ``nll(x, *args, **kwargs)``: the negative log-likelihood, a number, or its terms, an array with one for each
        observation.
    x : array_like, n numbers
        The estimate: where the sum of the terms is smallest.
    sandwich : bool
        False gives the inverse of the observed information, ``H⁻¹``, with H the Hessian at x; it holds if the model
        does. True gives ``H⁻¹ (Σ sᵢ sᵢᵀ) H⁻¹``, with the scores sᵢ of the observations, which need to be independent;
        it holds for wrong models, too (Huber 1967, White 1982).
    *args, **kwargs
        Data, and whatever else the function takes.

    Returns
    -------
    ndarray, shape (n, n)

    Raises
    ------
    DifferentiationValueError
        When the Hessian is not positive definite, or the terms are needed and only their sum is given.

    Examples
    --------
    >>> import numpy as np
    >>> from dualdiff.scipy import stats
    >>> y = np.array([1.0, 2.0, 4.0, 5.0])
    >>> def nll(p, y):
    ...     return -stats.norm.logpdf(y, p[0], np.exp(p[1]))
    >>> best = np.array([y.mean(), np.log(y.std())])
    >>> stats.covariance(nll, best, y).round(4) + 0.0
    array([[0.625, 0.   ],
           [0.   , 0.125]])
    """
    x = np.asarray(x, dtype=float)
    hessian = transforms.hessian(lambda t: np.sum(packed(nll(t, *args, **kwargs))))(x).reshape(x.size, x.size)
    try:
        np.linalg.cholesky(hessian)
    except np.linalg.LinAlgError:
        raise DifferentiationValueError(
            f"covariance: the Hessian of the negative log-likelihood is not positive definite at x (its smallest "
            f"eigenvalue is {np.linalg.eigvalsh(hessian)[0]:.3g}): x is no minimum, or a parameter is not identified; "
            f"pass the minimum, and drop the parameter"
        ) from None
    inverse = np.linalg.inv(hessian)
    if not sandwich:
        return inverse
    scores = transforms.jacobian(nll)(x, *args, **kwargs)
    if scores.ndim != x.ndim + 1:
        raise DifferentiationValueError(
            f"covariance: sandwich=True needs one term of the negative log-likelihood for each observation, but the "
            f"function returned an array of shape {scores.shape[: scores.ndim - x.ndim]}; leave the sum out of it"
        )
    scores = scores.reshape(-1, x.size)
    return inverse @ (scores.T @ scores) @ inverse


def standard_errors(nll, x, *args, sandwich=False, **kwargs):
    """Estimate the standard errors of a maximum-likelihood estimate; see `covariance` for the parameters.

    Returns
    -------
    ndarray of the shape of x, or a number

    Examples
    --------
    >>> import numpy as np
    >>> from dualdiff.scipy import stats
    >>> y = np.array([1.0, 2.0, 4.0, 5.0])
    >>> se = stats.standard_errors(lambda m: np.sum(0.5 * (y - m) ** 2), 3.0)
    >>> float(se)
    0.5
    """
    return np.sqrt(np.diag(covariance(nll, x, *args, sandwich=sandwich, **kwargs))).reshape(np.shape(x))[()]
