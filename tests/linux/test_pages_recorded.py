"""Every recorded sequence of page allocations and frees, replayed operation by operation."""

from pathlib import Path

import pytest

from memsh.inspect.check_pages import check_pages
from memsh.linux.config import Config
from memsh.linux.include.flags import (
    GFP_ATOMIC,
    GFP_DMA,
    GFP_HIGHUSER,
    GFP_HIGHUSER_MOVABLE,
    GFP_KERNEL,
    GFP_NAMES,
    GFP_USER,
)
from memsh.machines import freelists
from memsh.machines.box import Box
from tests.paths import REFERENCE

RECORDINGS = sorted((REFERENCE / "pages").glob("*.txt"))
MACHINES = sorted(REFERENCE.glob("boot-*/freelists.txt"))
_QUIET = GFP_NAMES["__GFP_NOWARN"] | GFP_NAMES["__GFP_NORETRY"]
_DIRECT = GFP_NAMES["__GFP_DIRECT_RECLAIM"]
FLAGS = {
    "KERNEL": GFP_KERNEL,
    "USER": GFP_USER,
    "HIGHUSER": GFP_HIGHUSER,
    "HIGHUSER_MOVABLE": GFP_HIGHUSER_MOVABLE,
    "RECLAIMABLE": GFP_KERNEL | GFP_NAMES["__GFP_RECLAIMABLE"],
    "DMA": GFP_KERNEL | GFP_DMA,
}
FLAGS = {kind: gfp & ~_DIRECT | _QUIET for kind, gfp in FLAGS.items()}
FLAGS["ATOMIC"] = GFP_ATOMIC & ~_DIRECT | GFP_NAMES["__GFP_NOWARN"]


def replay(box: Box, lines: list[str]) -> None:
    held: dict[str, tuple[int, int]] = {}
    for line in lines:
        words = line.split()
        if words[0] == "A":
            order, want = int(words[2]), int(words[4], 16)
            got = box.pages.alloc_pages(FLAGS[words[3]], order)
            assert f"{got:x}" == f"{want:x}", line
            if want:
                held[words[1]] = (got, order)
        elif words[0] == "F":
            box.pages.free_pages(*held.pop(words[1]))


def state(lines: list[str], word: str) -> list[str]:
    return [line for line in lines if line.startswith(word + " ")]


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_replay(path: Path) -> None:
    text = path.read_text()
    lines = text.splitlines()
    box = Box(Config(), boot=False)
    freelists.load(box, text, "before")
    assert freelists.dump(box, "before").splitlines() == state(lines, "before")
    cut = lines.index("drain")
    operations = [line for line in lines[:cut] if line[:2] in ("A ", "F ")]
    frees = [line for line in lines[cut:] if line[:2] == "F "]
    held: dict[str, tuple[int, int]] = {}
    for line in operations + frees:
        words = line.split()
        if line is frees[0]:
            assert freelists.dump(box, "after").splitlines() == state(lines, "after")
            assert check_pages(box) == []
        if words[0] == "A":
            order, want = int(words[2]), int(words[4], 16)
            got = box.pages.alloc_pages(FLAGS[words[3]], order)
            assert f"{got:x}" == f"{want:x}", line
            if want:
                held[words[1]] = (got, order)
        else:
            box.pages.free_pages(*held.pop(words[1]))
    assert held == {}
    assert freelists.dump(box, "end").splitlines() == state(lines, "end")
    assert check_pages(box) == []


@pytest.mark.parametrize("path", MACHINES, ids=lambda path: path.parent.name)
def test_recorded_machines_are_read_and_written_back(path: Path) -> None:
    box = Box(Config(cpus=2 if "2cpu" in path.parent.name else 1), boot=False)
    freelists.load(box, path.read_text())
    assert freelists.dump(box) == path.read_text()
    assert check_pages(box) == []
