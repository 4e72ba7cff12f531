"""What an executor costs and gains: overhead per block, scaling on two workers, and a model for more of them.

``OPENBLAS_NUM_THREADS=1 python benchmarks/scale_out.py`` prints the tables of ``docs/how-to/scale-out.md``; it needs
dask.distributed. (Workers inherit the variable: each is to have one core.)
"""

import math
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack

import dask
import numpy as np
from distributed import Client, LocalCluster

import dualdiff as dd
from dualdiff.executors import columns_per_block

N = 96
WORKERS = 2


def profile(x, cells=960, steps=600):
    """Temperatures along a rod after some steps of time, from the conductivities of its sections."""
    conductivity = np.repeat(np.exp(x), cells // x.size)
    between = 2.0 / (1.0 / conductivity[1:] + 1.0 / conductivity[:-1])
    u = np.linspace(0.0, 1.0, conductivity.size) ** 2 + 0.0 * conductivity
    for _ in range(steps):
        flow = between * (u[1:] - u[:-1])
        u[1:-1] += 0.1 * (flow[1:] - flow[:-1])
    return u


def timed(x):
    """The same, and the processor time that it took."""
    start = time.thread_time()
    return profile(x), time.thread_time() - start


def nothing(x):
    return x * 1.0


def best(runs, repeats=15):
    """The shortest time of each run, in seconds; the runs take turns, so that all of them meet quiet moments.

    A run may return a time of its own, which then is kept apart.
    """
    walls, own = {name: [] for name in runs}, {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            start = time.perf_counter()
            found = run()
            walls[name].append(time.perf_counter() - start)
            own[name].append(found if isinstance(found, float) else 0.0)
    return {name: min(seen) for name, seen in walls.items()}, {name: min(seen) for name, seen in own.items()}


def executors(stack):
    start = time.perf_counter()
    pool = stack.enter_context(ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")))
    list(pool.map(abs, range(WORKERS)))
    print(f"A pool of {WORKERS} processes starts in {time.perf_counter() - start:.1f} s,", end=" ")
    start = time.perf_counter()
    # Else every large temporary is memory that the system has to clear first.
    for name in ("TRIM", "MMAP"):
        dask.config.set({f"distributed.nanny.pre-spawn-environ.MALLOC_{name}_THRESHOLD_": 2**25})
    cluster = stack.enter_context(LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=":0"))
    client = stack.enter_context(Client(cluster))
    print(f"a LocalCluster of as many in {time.perf_counter() - start:.1f} s.\n")
    return {
        "threads": stack.enter_context(ThreadPoolExecutor(WORKERS)),
        "processes": pool,
        "dask": client.get_executor(),
    }


def main():
    x, small = np.linspace(0.0, 1.0, N), np.linspace(0.0, 1.0, 16)
    with ExitStack() as stack:
        pools = executors(stack)
        for pool in pools.values():
            dd.jacobian(profile, executor=pool)(x, steps=1)  # workers import what they need
        walls, busy = best(
            {name: lambda pool=pool: dd.jacobian(timed, has_aux=True, executor=pool)(x)[1]
             for name, pool in pools.items()}
            | {N: lambda: dd.jacobian(timed, has_aux=True, chunk_size=N)(x)[1],
               8: lambda: dd.jacobian(timed, has_aux=True, chunk_size=8)(x)[1]}
        )
        column = (busy[N] - busy[8]) / (N - 8)
        value = max(busy[8] - 8 * column, 0.0)
        empty, _ = best(
            {name: lambda pool=pool: dd.jacobian(nothing, executor=pool)(small) for name, pool in pools.items()}
            | {None: lambda: dd.jacobian(nothing, chunk_size=8)(small)},
            repeats=100,
        )
        size = columns_per_block(N, WORKERS, N)
        blocks = math.ceil(N / size)
        print(f"One pass of {N} columns takes {walls[N]:.3f} s, {busy[N]:.3f} s of them processor time: "
              f"{value * 1e3:.1f} ms for the value and {column * 1e3:.2f} ms for each column.\n")
        print(f"| {WORKERS} workers | overhead of a block | time in {blocks} blocks | processor time of a block | "
              f"speed-up by the clock | by processor time |")
        print("|---|---|---|---|---|---|")
        overheads = {name: max(empty[name] - empty[None], 0.0) / 2 for name in pools}
        for name in pools:
            spent = busy[name] + blocks * overheads[name]
            print(f"| {name} | {overheads[name] * 1e3:.2f} ms | {walls[name]:.3f} s | {busy[name]:.3f} s | "
                  f"{walls[N] / walls[name]:.2f} | {busy[N] / spent:.2f} |")
    print(f"\nThe model for more workers of dask, {N} and 10 000 columns of the same costs:\n")
    print("| workers | speed-up, 96 columns | speed-up, 10 000 columns |\n|---|---|---|")
    for workers in (2, 8, 32, 128, 512):
        gains = [(value + n * column) / modelled(value, column, overheads["dask"], n, workers) for n in (N, 10_000)]
        print(f"| {workers} | {gains[0]:.1f} | {gains[1]:.0f} |")


def modelled(value, column, overhead, n, workers):
    """Seconds for n columns: the client hands out block by block, a worker evaluates the value anew for each."""
    size = columns_per_block(n, workers, n)
    blocks = math.ceil(n / size)
    rounds = math.ceil(blocks / workers)
    return max(blocks * overhead + value + size * column, rounds * (value + size * column) + overhead)


if __name__ == "__main__":
    main()
