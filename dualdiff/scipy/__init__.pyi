from . import integrate as integrate
from . import interpolate as interpolate
from . import linalg as linalg
from . import optimize as optimize
from . import special as special
from . import stats as stats

__all__ = ["integrate", "interpolate", "linalg", "optimize", "special", "stats"]
