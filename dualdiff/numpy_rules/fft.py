"""np.fft: linear over the reals, so every stack of planes is transformed as the value is."""

import numpy as np

from .registry import behind, linear


def _one_axis(function):
    def planes(stack, n=None, axis=-1, norm=None, out=None):
        return function(stack, n, behind(axis, stack.ndim - 1), norm)

    linear(function, planes)


def _several_axes(function, default):
    def planes(stack, s=None, axes=default, norm=None, out=None):
        ndim = stack.ndim - 1
        if axes is None:
            axes = range(ndim) if s is None else range(ndim - len(s), ndim)
        return function(stack, s, behind(tuple(axes), ndim), norm)

    linear(function, planes)


def _shift(function):
    linear(function, lambda x, axes=None: function(x, behind(axes, x.ndim - 1)))


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    _one_axis(getattr(np.fft, _name))
for _name in ("fft2", "ifft2", "rfft2", "irfft2"):
    _several_axes(getattr(np.fft, _name), (-2, -1))
for _name in ("fftn", "ifftn", "rfftn", "irfftn"):
    _several_axes(getattr(np.fft, _name), None)
for _name in ("fftshift", "ifftshift"):
    _shift(getattr(np.fft, _name))
