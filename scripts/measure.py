"""How memsh is measured: CPU time of slices of work, each between two runs of a yardstick.

Machines differ, and many flip between two speeds from one second to the next: the ratio of a slice to the yardsticks
right before and after it holds, a figure in seconds does not. A workload is a generator: it runs up to its next yield,
which says how many operations that was; `yield 0` says that it only prepared something, and is not counted. One that
times itself yields (operations, seconds).
"""

from __future__ import annotations

import importlib.util
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from types import ModuleType
from typing import Any, NamedTuple

Workload = Iterator[float | tuple[float, float]]
LOOP = 100_000


def cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + used.ru_utime + used.ru_stime


def yardstick() -> float:
    """CPU seconds of one iteration of a loop that stores into a dict."""
    d: dict[int, int] = {}
    begun = time.process_time()
    for i in range(LOOP):
        d[i & 1023] = i
    return (time.process_time() - begun) / LOOP


class Figure(NamedTuple):
    """What a workload costs: yardsticks an operation, CPU nanoseconds of one; half the slices lie within `spread`."""

    ratio: float
    spread: float  # between the quartiles, as a part of the ratio
    nanoseconds: float
    slices: int


def summary(ratios: list[float], seconds: list[float]) -> Figure:
    middle = median(ratios)
    low, _, high = quantiles(ratios, n=4) if len(ratios) > 1 else (middle, middle, middle)
    return Figure(middle, (high - low) / middle, median(seconds) * 1e9, len(ratios))


class Slices:
    """A workload's slices so far, started anew each time it ends."""

    def __init__(self, start: Callable[[], Workload], checkout: Checkout | None = None) -> None:
        self.start = start
        self.checkout = checkout
        self.running: Workload = iter(())
        self.ratios: list[float] = []
        self.seconds: list[float] = []

    def _next(self) -> float | tuple[float, float] | None:
        if self.checkout is None:
            return next(self.running, None)
        with self.checkout.entered():
            return next(self.running, None)

    def one(self) -> None:
        """Run up to the end of a slice that counts."""
        fresh = False
        while True:
            before = yardstick()
            begun = cpu()
            done = self._next()
            took = cpu() - begun
            if isinstance(done, tuple):
                done, took = done
            if done is None:
                if fresh:
                    raise ValueError("a workload without a slice")
                self.running, fresh = self.start(), True
            elif done:
                self.seconds.append(took / done)
                self.ratios.append(took / done / ((before + yardstick()) / 2))
                return

    def figure(self) -> Figure:
        return summary(self.ratios, self.seconds)


class Checkout:
    """memsh's source in another folder: its modules stand in sys.modules only while its own work runs."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        if not (self.root / "memsh" / "__init__.py").is_file():
            raise ValueError(f"{root}: no memsh there")
        self.modules: dict[str, ModuleType] = {}

    @contextmanager
    def entered(self) -> Iterator[None]:
        mine = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_memsh(name)}
        sys.modules.update(self.modules)
        sys.path.insert(0, str(self.root))
        try:
            yield
        finally:
            sys.path.remove(str(self.root))
            self.modules = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_memsh(name)}
            sys.modules.update(mine)

    def load(self, path: Path) -> Any:
        """The module at `path`, with this checkout's memsh behind its imports."""
        with self.entered():
            spec = importlib.util.spec_from_file_location(f"of_{self.root.name}_{path.stem}", path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(module)
        return module


def _is_memsh(name: str) -> bool:
    return name == "memsh" or name.startswith(("memsh.", "tests.")) or name in ("tests", "workloads")
