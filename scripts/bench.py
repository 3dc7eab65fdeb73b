#!/usr/bin/env python3
"""Measure memsh: `bench.py [--json FILE] [--compare DIR] [--growth] [NAME …]`. Without names, everything.

Each figure is the median over slices of work of CPU time against a yardstick (one store into a dict) run right before
and after it; `±` is half of what lies between the quartiles. `--compare DIR` runs another checkout's slices in turn
with this one's, in the same process. `--growth` tells what one operation costs as the machine grows.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import measure
from growth import GROWTHS, NOTE, rows
from measure import Checkout, Figure, Slices, Workload
from workloads import BENCHES, Bench, memory_figures

MEMORY = "memory"


def cost(figure: Figure, unit: str) -> str:
    """A figure as the table shows it."""
    value = figure.ratio if unit == "ys" else figure.nanoseconds / 1e6
    digits = 1 if value >= 10 else 2 if value >= 0.1 else 4
    return f"{value:,.{digits}f} {unit} ±{figure.spread * 50:.0f}%"


def self_timed(module: Any, name: str) -> Callable[[], Workload]:
    """A workload of a checkout whose benchmarks time themselves, by another clock: theirs is made the CPU's."""
    module.time = SimpleNamespace(perf_counter=measure.cpu)

    def run() -> Iterator[tuple[float, float]]:
        yield module.BENCHES[name].run()

    return run


def other_workload(checkout: Checkout, module: Any, name: str) -> Slices | None:
    """The same benchmark of another checkout, None if it has none of that name."""
    found = module.BENCHES.get(name)
    if found is None:
        return None
    run = found.run if hasattr(found, "slices") else self_timed(module, name)
    return Slices(run, checkout)


def load_other(folder: str) -> tuple[Checkout, Any]:
    checkout = Checkout(Path(folder))
    path = checkout.root / "scripts" / "workloads.py"
    if not path.exists():
        path = checkout.root / "scripts" / "bench.py"
    return checkout, checkout.load(path)


def run(name: str, bench: Bench, other: Slices | None) -> dict[str, object]:
    """Measure one benchmark, print its line, and give its figures."""
    mine = Slices(bench.run)
    for _ in range(bench.slices):
        mine.one()
        if other is not None:
            other.one()
    figure = mine.figure()
    line = f"{name:<22} {1e9 / figure.nanoseconds:>14,.0f} {cost(figure, bench.unit):>20}"
    told: dict[str, object] = {"name": name, **figure._asdict()}
    if other is not None:
        there = other.figure()
        told["other"], told["change"] = there.ratio, median(mine.ratios) / median(other.ratios) - 1
        line += f" {cost(there, bench.unit):>20} {told['change']:>+7.1%}"
    print(f"{line}  {bench.goal and f'{bench.goal} {bench.unit}'}".rstrip(), flush=True)
    return told


def grow() -> None:
    """The growth table."""
    for growth in GROWTHS:
        print(f"{growth.name}: {growth.why or 'flat'}")
        for size, figure in rows(growth):
            print(f"  {size:>10} {cost(figure, 'ys'):>20}", flush=True)
    print(NOTE)


def main(argv: list[str]) -> int:
    names = [*BENCHES, MEMORY]
    parser = argparse.ArgumentParser(description="Measure memsh.")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the figures there")
    parser.add_argument("--compare", metavar="DIR", help="measure another checkout in turn with this one")
    parser.add_argument("--growth", action="store_true", help="the cost of one operation as the machine grows")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which to run: " + " ".join(names))
    options = parser.parse_args(argv)
    unknown = [name for name in options.names if name not in names]
    if unknown:
        parser.error(f"no benchmark is called {unknown[0]}; there are {' '.join(names)}")
    if options.growth:
        grow()
        return 0
    try:
        checkout, module = load_other(options.compare) if options.compare else (None, None)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    print(f"yardstick: {min(measure.yardstick() for _ in range(9)) * 1e9:.0f} ns")
    there = f" {checkout.root.name:>20} {'change':>7}" if checkout else ""
    print(f"{'benchmark':<22} {'operations/s':>14} {'an operation':>20}{there}  goal")
    figures = []
    for name in options.names or BENCHES:
        if name != MEMORY:
            other = other_workload(checkout, module, name) if checkout else None
            figures.append(run(name, BENCHES[name], other))
    if MEMORY in (options.names or names):
        for name, value, goal in memory_figures():
            print(f"{name:<33} {value:>12,} bytes {'':>10}  {goal}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
