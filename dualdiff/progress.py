"""Progress of long work: a bar of tqdm where it is installed, else plain lines on standard error."""

import importlib
import sys
import time


class Progress:
    """How much of the work is done; prints nothing unless it is switched on.

    Parameters
    ----------
    shown : bool
    label, unit : str
    total : int
        In units.
    """

    def __init__(self, shown, label, total, unit):
        self.bar = _bar(label, total, unit) if shown else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.bar is not None:
            self.bar.close()

    def advance(self, count):
        if self.bar is not None:
            self.bar.update(count)


def _bar(label, total, unit):
    try:
        tqdm = importlib.import_module("tqdm")
    except ImportError:
        return PlainBar(label, total, unit)
    return tqdm.tqdm(desc=label, total=total, unit=f" {unit}", dynamic_ncols=True)


class PlainBar:
    """Lines such as ``jacobian: 40 of 100 columns, 12 s, 18 s to go``, at most one a second, and a last one."""

    def __init__(self, label, total, unit):
        self.label, self.total, self.unit = label, total, unit
        self.done, self.started, self.printed = 0, time.monotonic(), time.monotonic()

    def update(self, count):
        self.done += count
        now = time.monotonic()
        if now - self.printed >= 1.0 and self.done < self.total:
            self.printed = now
            self._print(f", {(now - self.started) * (self.total / self.done - 1.0):.0f} s to go")

    def close(self):
        self._print("" if self.done >= self.total else ", stopped")

    def _print(self, rest):
        spent = time.monotonic() - self.started
        print(f"{self.label}: {self.done} of {self.total} {self.unit}, {spent:.0f} s{rest}", file=sys.stderr)
