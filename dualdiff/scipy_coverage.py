"""Where every ufunc of ``scipy.special`` stands: which arguments have a derivative, and why the others have none.

What is differentiable is read off the rows of `dualdiff.scipy_rules`. What is written here by hand are the reasons for
the rest; the tests hold both lists against SciPy. ``python tests/test_scipy_special.py`` writes them to
``docs/reference/scipy.md``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from . import scipy_rules

SUPPORTED = "supported"
NOT_DIFFERENTIABLE = "not differentiable"
UNSUPPORTED = "unsupported"

_WHOLE = "a whole number, or rounded to one: the function is defined at whole numbers, or constant between them"
_ORDER = "an order: derivatives with respect to it are no finite combination of functions that SciPy has (DLMF 10.15)"
_SHAPE = ("a parameter of a hypergeometric function: derivatives with respect to it are functions of two variables "
          "(Kampé de Fériet) that SciPy lacks")
_DEGREE = "a degree: polynomials at whole numbers, and between them a hypergeometric function of its parameter"
_WEIGHT = ("a parameter of the weight: a sum over all polynomials of lower degree, and no finite one between whole "
           "degrees")
_EIGENFUNCTION = ("a parameter of the differential equation: derivatives with respect to it are infinite sums over all "
                  "other eigenfunctions, which SciPy lacks")

_EXPONENT = ("an exponent in an integral of a Bessel function: the derivative is the integral with a logarithm, which "
             "SciPy lacks")

# Reasons, by hand: function.argument, for every function and argument without a derivative
_REASONS = {
    _WHOLE: """
        bdtr.k bdtr.n bdtrc.k bdtrc.n bdtri.k bdtri.n nbdtr.k nbdtr.n nbdtrc.k nbdtrc.n nbdtri.k nbdtri.n pdtr.k pdtrc.k
        pdtri.k expn.n yn.n kn.n smirnov.n smirnovi.n eval_hermite.n eval_hermitenorm.n lpmv.m mathieu_a.m mathieu_b.m
        mathieu_cem.m mathieu_sem.m mathieu_modcem1.m mathieu_modcem2.m mathieu_modsem1.m mathieu_modsem2.m
        pro_ang1.m pro_ang1.n pro_rad1.m pro_rad1.n pro_rad2.m pro_rad2.n obl_ang1.m obl_ang1.n obl_rad1.m obl_rad1.n
        obl_rad2.m obl_rad2.n pro_ang1_cv.m pro_ang1_cv.n pro_rad1_cv.m pro_rad1_cv.n pro_rad2_cv.m pro_rad2_cv.n
        obl_ang1_cv.m obl_ang1_cv.n obl_rad1_cv.m obl_rad1_cv.n obl_rad2_cv.m obl_rad2_cv.n""",
    _ORDER: """
        jv.v jve.v yv.v yve.v iv.v ive.v kv.v kve.v hankel1.v hankel1e.v hankel2.v hankel2e.v struve.v modstruve.v
        besselpoly.nu""",
    _EXPONENT: "besselpoly.lmb",
    _SHAPE: """
        hyp0f1.v hyp1f1.a hyp1f1.b hyp2f1.a hyp2f1.b hyp2f1.c hyperu.a hyperu.b lpmv.v pbdv.v pbvv.v pbwa.a
        wright_bessel.a wright_bessel.b log_wright_bessel.a log_wright_bessel.b""",
    _DEGREE: """
        eval_chebyc.n eval_chebys.n eval_chebyt.n eval_chebyu.n eval_gegenbauer.n eval_genlaguerre.n eval_jacobi.n
        eval_laguerre.n eval_legendre.n eval_sh_chebyt.n eval_sh_chebyu.n eval_sh_jacobi.n eval_sh_legendre.n""",
    _WEIGHT: """
        eval_gegenbauer.a eval_genlaguerre.a eval_jacobi.a eval_jacobi.b eval_sh_jacobi.p eval_sh_jacobi.q""",
    _EIGENFUNCTION: """
        mathieu_cem.q mathieu_sem.q mathieu_modcem1.q mathieu_modcem2.q mathieu_modsem1.q mathieu_modsem2.q
        pro_ang1.c pro_rad1.c pro_rad2.c obl_ang1.c obl_rad1.c obl_rad2.c pro_ang1_cv.c pro_rad1_cv.c pro_rad2_cv.c
        obl_ang1_cv.c obl_rad1_cv.c obl_rad2_cv.c pro_ang1_cv.cv pro_rad1_cv.cv pro_rad2_cv.cv obl_ang1_cv.cv
        obl_rad1_cv.cv obl_rad2_cv.cv""",
}
REASONS = {name: reason for reason, names in _REASONS.items() for name in names.split()}

# Functions without any row
WITHOUT = {
    "gammasgn": (NOT_DIFFERENTIABLE, "locally constant: a sign"),
    "round": (NOT_DIFFERENTIABLE, "locally constant: the nearest whole number"),
    "pro_cv": (UNSUPPORTED, _EIGENFUNCTION),
    "obl_cv": (UNSUPPORTED, _EIGENFUNCTION),
}


@dataclass(frozen=True)
class Entry:
    """A ufunc of SciPy: its state, the arguments with a derivative, and the reasons for those that have none."""

    name: str
    state: str
    arguments: tuple[str, ...] = ()
    reasons: tuple[tuple[str, str], ...] = ()


def ufuncs():
    """The ufuncs of ``scipy.special`` by the first of their names."""
    found = {}
    for name in sorted(dir(special)):
        thing = getattr(special, name)
        if isinstance(thing, np.ufunc):
            found.setdefault(thing, scipy_rules.NAMES.get(thing, name))
    return found


def entries():
    """Every ufunc of ``scipy.special`` with its state; the state is empty where nothing is known.

    Returns
    -------
    list of Entry

    Examples
    --------
    >>> from dualdiff import scipy_coverage
    >>> {entry.name: entry.arguments for entry in scipy_coverage.entries()}["betainc"]
    ('a', 'b', 'x')
    """
    found = []
    for ufunc, name in sorted(ufuncs().items(), key=lambda pair: pair[1]):
        if ufunc not in scipy_rules.UFUNCS:
            state, reason = WITHOUT.get(name, ("", ""))
            found.append(Entry(name, state, (), (("", reason),)))
            continue
        row = scipy_rules.FUNCTIONS[scipy_rules.PARTS.get(name, (name,))[0]]
        fixed = [one for one in row.names if one not in row.variables]
        found.append(Entry(name, SUPPORTED, tuple(row.variables),
                           tuple((one, REASONS.get(f"{name}.{one}", "")) for one in fixed)))
    return found
