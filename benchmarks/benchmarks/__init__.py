"""The benchmark suite: problems and rivals are data, and plain evaluation is the unit.

`problems` lists what is differentiated, `rivals` who differentiates it, `timing` how it is timed and `common` joins
them for asv. One core is the yardstick: the variables below must be set before NumPy and JAX are imported, and this
file is imported first.
"""

import os

for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
