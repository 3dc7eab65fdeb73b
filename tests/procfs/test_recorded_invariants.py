"""The invariants hold on every recorded tree of a real machine: that proves the checker."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from tests.paths import REFERENCE
from tests.procfs.invariants import CHECKS, Tree, check
from tests.procfs.task_invariants import progress

TREES = sorted(path.parent for path in (REFERENCE / "captures").glob("*/s*/meminfo"))
DRIFT = 64  # pages by which a real machine's per-CPU counters may lag behind


def recorded(folder: Path) -> Tree:
    files = {
        str(path.relative_to(folder)): path.read_text(errors="replace") for path in folder.rglob("*") if path.is_file()
    }
    return Tree(files, drift=DRIFT, hashed=True)


@pytest.mark.parametrize("folder", TREES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_recorded_trees_meet_the_invariants(folder: Path) -> None:
    assert len(CHECKS) > 140
    assert check(recorded(folder)) == []


@pytest.mark.parametrize("machine", ["256M-1cpu", "1024M-2cpu"])
def test_counters_only_grow(machine: str) -> None:
    snapshots = [recorded(folder) for folder in TREES if folder.parent.name == machine]
    for old, new in pairwise(snapshots):
        assert progress(old, new) == []


def test_the_checker_notices() -> None:
    tree = recorded(TREES[0])
    text = tree.files["meminfo"].replace("MemFree:        ", "MemFree:        1")
    broken = Tree({**tree.files, "meminfo": text}, drift=DRIFT, hashed=True)
    assert any(line.startswith("M01") for line in check(broken))
