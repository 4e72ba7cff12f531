"""Passes of one call, one after the other or on the workers of an executor.

A pass is a task: a method of `Call` with its arguments. Without an executor the tasks run here, in order; with one they
are handed out, the costliest first, and put together in the order of the tasks, so that nobody sees which worker did
what.
"""

import functools
import importlib
import itertools
import math
import os
import pickle
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from .errors import DifferentiationTypeError, ExecutorError
from .progress import Progress

# A worker gets this many blocks where there is enough work: one that is slow, or dies, holds up a quarter of its share.
BLOCKS_PER_WORKER = 4
# Each block evaluates the value anew, which should stay small beside its columns. Where there is enough work a block
# has so many columns, and so many numbers in the planes of x: below that, calls cost more than what they compute.
LEAST_COLUMNS = 8
LEAST_NUMBERS = 2**15
# Executors whose workers are other processes; what they get must be pickled.
REMOTE = ("distributed", "loky", "mpi4py")
_tickets = itertools.count()
# Whether this thread is at work for an executor: what it starts stays with it, since to wait for workers of the same
# executor might be to wait for itself.
_here = threading.local()


class Task(NamedTuple):
    """A method of `Call` to run, its arguments, and how many columns or pairs of columns it carries.

    ``args`` are the arguments of the user's function where the task has some of its own (rows of a batch).
    """

    method: str
    job: tuple
    cost: int
    args: tuple | None = None


def check_executor(executor, name):
    if executor is None or isinstance(executor, _futures().Executor):
        return
    cure = "pass client.get_executor()" if hasattr(executor, "get_executor") else (
        "pass a ThreadPoolExecutor, a ProcessPoolExecutor, or dask's client.get_executor()"
    )
    raise DifferentiationTypeError(
        f"{name}: executor must be a concurrent.futures.Executor, found {type(executor).__name__}; {cure}"
    )


def _futures():
    """``concurrent.futures``: who has an executor has imported it, and for all others it is long to import."""
    return importlib.import_module("concurrent.futures")


def worker_count(executor):
    """How many tasks an executor runs at a time; the number of cores where it does not say."""
    client = getattr(executor, "_client", None)
    if client is not None and hasattr(client, "nthreads"):
        return max(sum(client.nthreads().values()), 1)
    for name in ("num_workers", "_max_workers"):
        count = getattr(executor, name, None)
        if isinstance(count, int) and count > 0:
            return count
    return os.cpu_count() or 1


def columns_per_block(n, workers, size, order=1):
    """Columns in a block, for n columns of so many numbers each on so many workers.

    1. Every worker gets a block where there are enough columns, and `BLOCKS_PER_WORKER` where there are many.
    2. A block has at least `LEAST_COLUMNS` columns, and `LEAST_NUMBERS` numbers in them (in their pairs, at second
       order), unless that would leave a worker without any.

    A Hessian of t blocks of columns has t (t + 1) / 2 blocks of pairs.
    """

    def cuts(blocks):
        return blocks if order == 1 else math.ceil((math.sqrt(8 * blocks + 1) - 1) / 2)

    coarse, fine = (math.ceil(n / cuts(blocks)) for blocks in (workers, BLOCKS_PER_WORKER * workers))
    numbers = LEAST_NUMBERS / max(size, 1)
    least = max(LEAST_COLUMNS, math.ceil(numbers if order == 1 else math.sqrt(numbers)))
    return max(min(coarse, max(fine, least)), 1)


def row_blocks(rows, workers, size):
    """Pairs of first and last row: equal blocks by the same rule, for so many numbers in the planes of a row."""
    most, least = BLOCKS_PER_WORKER * workers, workers
    count = max(min(rows, least), min(rows, most, rows * size // LEAST_NUMBERS), 1)
    ends = [rows * i // count for i in range(count + 1)]
    return list(zip(ends, ends[1:], strict=False))


def shares(settings):
    """Whether work is handed out, now and here."""
    return settings.executor is not None and not getattr(_here, "at_work", False)


def run(call, tasks, unit):
    """Run the tasks of a call; return their results in order."""
    results = [None] * len(tasks)
    run_each(call, tasks, unit, results.__setitem__)
    return results


def run_each(call, tasks, unit, receive):
    """Run the tasks of a call, and hand each result over as it comes: ``receive(number of the task, result)``."""
    settings = call.settings
    if settings.executor is None and not settings.progress:
        for i, task in enumerate(tasks):
            receive(i, getattr(call, task.method)(*task.job))
        return
    with Progress(settings.progress, settings.name, sum(task.cost for task in tasks), unit) as progress:
        if shares(settings):
            _share_out(call, tasks, progress, receive)
            return
        for i, task in enumerate(tasks):
            receive(i, getattr(call, task.method)(*task.job))
            progress.advance(task.cost)


def _share_out(call, tasks, progress, receive):
    settings, done, futures = call.settings, 0, {}
    packed = _Packed(settings, call.kwargs)
    # dask takes tasks with equal arguments for one task, whose result it may still know from an earlier call.
    ticket = f"{os.getpid()}-{next(_tickets)}"
    try:
        for i in sorted(range(len(tasks)), key=lambda i: -tasks[i].cost):
            task = tasks[i]
            work = packed(call.args if task.args is None else task.args)
            futures[settings.executor.submit(_work, work, task.method, task.job, i == 0, ticket)] = i
        for future in _futures().as_completed(futures):
            i = futures[future]
            result, common = future.result()
            if common is not None:
                call.aux, call.outputs = common
            receive(i, result)
            done += 1
            progress.advance(tasks[i].cost)
    except Exception as error:
        if not _is_of_the_executor(error):
            raise
        raise ExecutorError(
            f"{settings.name}: the executor lost its work after {done} of {len(tasks)} blocks "
            f"({type(error).__name__}: {error}); a worker may have been killed, often for want of memory: make a new "
            f"executor, with fewer workers or a smaller chunk_size, and call again"
        ) from error
    finally:
        for future in futures:
            future.cancel()


def _is_of_the_executor(error):
    """Whether an error tells of lost workers, and not of the user's function."""
    return (
        isinstance(error, (_futures().BrokenExecutor, _futures().CancelledError))
        or type(error).__module__.split(".")[0] in REMOTE
        or (type(error) is RuntimeError and "after shutdown" in str(error))
    )


class _Packed:
    """What a worker needs: settings and arguments as they are for threads, pickled once for other processes."""

    def __init__(self, settings, kwargs):
        self.settings = replace(settings, executor=None, progress=False)
        self.kwargs, self.executor, self.warnings = kwargs, settings.executor, np.geterr()
        self.last = None, None

    def __call__(self, args):
        if self.last[0] is not args:
            self.last = args, self._pack(args)
        return self.last[1]

    def _pack(self, args):
        work = self.settings, args, self.kwargs, self.warnings
        if not _is_remote(self.executor):
            return work
        try:
            return _pickler()(work)
        except Exception as error:
            raise ExecutorError(
                f"{self.settings.name}: the function and its arguments must be pickled to reach another process, and "
                f"that failed ({type(error).__name__}: {error}); define the function at the top of a module, or "
                f"install cloudpickle for lambdas and local functions, or use a ThreadPoolExecutor"
            ) from error


def _is_remote(executor):
    """Whether an executor is known to work in other processes; others take objects as they are."""
    return isinstance(executor, _futures().ProcessPoolExecutor) or any(
        kind.__module__.split(".")[0] in REMOTE for kind in type(executor).__mro__
    )


@functools.cache
def _pickler() -> Callable:
    """cloudpickle where it is installed: it knows lambdas and functions of the main script."""
    try:
        return importlib.import_module("cloudpickle").dumps
    except ImportError:
        return pickle.dumps


def _work(work, method, job, first, ticket):
    """Run one task, in whatever process; the first one brings the aux and the make of the result along."""
    from .passes import Call  # passes import this module

    if isinstance(work, bytes):
        try:
            work = pickle.loads(work)
        except Exception as error:
            raise ExecutorError(
                f"the function or its arguments could not be rebuilt in the worker process "
                f"({type(error).__name__}: {error}); put the function into a module that the workers can import, or "
                f"install cloudpickle here and there"
            ) from error
    settings, args, kwargs, warnings = work
    before, _here.at_work = getattr(_here, "at_work", False), True
    try:
        with np.errstate(**warnings):
            call = Call(settings, args, kwargs)
            result = getattr(call, method)(*job)
    finally:
        _here.at_work = before
    return result, (call.aux, call.outputs) if first else None
