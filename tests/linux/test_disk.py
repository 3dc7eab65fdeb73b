"""The disk takes time: requests are served one after the other, and waiting moves the box's clock."""

import pytest

from memsh.inspect.check import check
from memsh.linux.block.blk_cgroup import FS_DISK
from memsh.linux.config import MIB, Config
from memsh.machines.box import MODELS, Box

LATENCY_USEC, PAGE_USEC = MODELS["i386"].disk


class Notes:
    def __init__(self, box: Box) -> None:
        self.box = box
        self.lines: list[tuple[str, int]] = []

    def note(self, name: str) -> None:
        self.lines.append((name, self.box.timer.usec))


@pytest.fixture
def box() -> Box:
    return Box(Config(ram=128 * MIB))


def test_requests_are_served_in_turn(box: Box) -> None:
    now, notes = box.timer.usec, Notes(box)
    first = box.disk.submit(True, 1, notes.note, "first")
    second = box.disk.submit(False, 10, notes.note, "second")
    assert first == now + LATENCY_USEC + PAGE_USEC
    assert second == first + LATENCY_USEC + 10 * PAGE_USEC
    assert notes.lines == [] and box.timer.usec == now
    box.disk.wait(first)
    assert notes.lines == [("first", first)]
    box.disk.wait(now)
    assert box.timer.usec == first
    box.timer.advance(1_000_000)
    assert notes.lines == [("first", first), ("second", second)]


def test_work_that_waits_does_not_turn_the_clock_back(box: Box) -> None:
    disk = box.disk
    box.timer.once(box.timer.usec + 10, Waits(box).run)
    start = box.timer.usec
    disk.wait(start + 20)
    assert box.timer.usec == start + 10 + LATENCY_USEC + 1000 * PAGE_USEC


class Waits:
    def __init__(self, box: Box) -> None:
        self.box = box

    def run(self) -> None:
        self.box.disk.read(1000, FS_DISK)


def test_reading_a_file_takes_time_once(box: Box) -> None:
    box.fs.mkfile("/data", 4 * MIB)
    file = box.fs.open("/data")
    start = box.timer.usec
    box.fs.read(file, 0, 4 * MIB)
    took = box.timer.usec - start
    assert 1024 * PAGE_USEC < took < 1024 * PAGE_USEC + 64 * LATENCY_USEC
    box.fs.read(file, 0, 4 * MIB)
    assert box.timer.usec - start == took
    assert check(box) == []


def test_a_copy_serves_its_own_requests(box: Box) -> None:
    notes = Notes(box)
    due = box.disk.submit(True, 1, notes.note, "done")
    other = box.copy()
    other.disk.wait(due)
    assert notes.lines == [] and not other.disk.pending and box.disk.pending
