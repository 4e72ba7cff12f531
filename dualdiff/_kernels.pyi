# For Cython alone: _kernels.pxd says what there is.
