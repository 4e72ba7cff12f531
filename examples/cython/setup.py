"""Build the example: ``python setup.py build_ext --inplace`` in this folder, with dualdiff and Cython installed."""

import numpy
from Cython.Build import cythonize
from setuptools import Extension, setup

extension = Extension("kepler", ["kepler.pyx"], include_dirs=[numpy.get_include()])
setup(name="kepler", ext_modules=cythonize([extension]))
