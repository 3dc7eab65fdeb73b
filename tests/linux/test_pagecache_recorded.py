"""transcripts/pagecache.txt on a box of 128 MiB: what is recorded exactly is met exactly, the rest closely.

Exact: bytes read, page faults (fault-around among them), the pages that leave the page cache. The recorded counters lag
by a page or two each (per-CPU differences), so changes of them are compared with that much slack.
"""

import re

import pytest

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.flags import MAP_PRIVATE, MAP_SHARED
from memsh.linux.kernel import sysctl
from memsh.linux.kernel.sched import switch_to
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box
from memsh.procfs import meminfo, vmstat
from tests.linux.transcript import Replay, Step, steps
from tests.paths import REFERENCE

PATH = REFERENCE / "transcripts" / "pagecache.txt"
LAG = 3  # pages that a recorded counter may be behind
PAGEVEC = 2 * 15  # pages on their way to a list, or from one to another, that the lists do not count yet
_SLACK = {"nr_dirty": LAG, "Dirty": LAG, "nr_free_pages": 160, "Cached": 60, "nr_file_pages": 60, "Inactive(file)": 60}
# the recorded programs lie in memory (Shmem), memsh's on the disk: some pages of them go with the first drop
_CHANGES = ("nr_file_pages", "nr_active_file", "nr_inactive_file", "nr_dirty", "pgactivate", "nr_free_pages")


class Machine(Replay):
    """The recorded commands, and what the box's counters were after each."""

    def do(self, command: str) -> list[str] | None:
        words = command.split()
        box = self.box
        if words[0] == "mount":
            box.fs.mkfile("/mnt/big", 32 * MIB)
            box.fs.mkfile("/mnt/small", MIB)
            return ["ok"]
        if words[0] == "readfile":
            file, count = box.fs.open(words[1]), 0
            while data := box.fs.read(file, count, 65536):
                count += len(data)
            box.fs.fput(file)
            return [f"{count} bytes"]
        if words[0] == "put":
            sysctl.put(box, words[1].removeprefix("/proc/sys/").replace("/", "."), words[2])
            return []
        if words[:1] == ["to"] and words[2] == "mmapfile":
            task = self.tasks[words[1]]
            switch_to(box, task)
            assert task.mm is not None
            flags = MAP_SHARED if words[6] == "shared" else MAP_PRIVATE
            file = box.fs.open(words[3], writable=True)
            addr = vma.sys_mmap(box, task.mm, 0, int(words[4], 0), int(words[5]), flags, file=file)
            box.fs.fput(file)
            return [f"{addr:#x} minflt 0 majflt 0"]
        if words[0] == "to" and words[2] == "mmap":
            self.slots.clear()
        return super().do(command)


def figures(lines: list[str]) -> dict[str, int]:
    """Counters by the names of /proc/vmstat; meminfo's figures in pages by their labels."""
    found = {}
    for line in lines:
        match = re.fullmatch(r"(\S+?):? +(\d+)( kB)?", line)
        if match:
            found[match[1]] = int(match[2]) // (4 if match[3] else 1)
    return found


def answers(step: Step, machine: Machine) -> list[str]:
    words = step.command.split()
    if words[:2] == ["cat", "/proc/meminfo"]:
        return meminfo.show(machine.box).splitlines()
    if words[:2] == ["cat", "/proc/vmstat"]:
        return vmstat.show(machine.box).splitlines()
    return machine.do(step.command) or []


@pytest.fixture(scope="module")
def replayed() -> list[tuple[Step, list[str]]]:
    machine = Machine(Box(Config(ram=128 * MIB)))
    found = []
    for step in steps(PATH):
        if "/proc/slabinfo" in step.command or "/proc/zoneinfo" in step.command:
            continue
        found.append((step, answers(step, machine)))
    assert check(machine.box) == []
    return found


def test_bytes_and_faults(replayed: list[tuple[Step, list[str]]]) -> None:
    seen = 0
    for step, answered in replayed:
        words = step.command.split()
        if words[0] == "readfile" or (words[0] == "to" and words[2] in ("read", "write")):
            recorded = [line for line in step.answer if line]
            if words[0] == "to":
                recorded, answered = [recorded[-1][recorded[-1].index("minflt") :]], [
                    answered[-1][answered[-1].index("minflt") :]
                ]
            assert answered == recorded, step
            seen += 1
    assert seen == 8


def test_pages_come_and_go(replayed: list[tuple[Step, list[str]]]) -> None:
    """From one /proc/vmstat or /proc/meminfo to the next, each counter of the page cache moves as recorded."""
    last: dict[str, tuple[dict[str, int], dict[str, int]]] = {}
    for step, answered in replayed:
        if step.command.startswith("spawn q"):
            break  # from here on memory is short
        if not step.command.startswith("cat /proc/"):
            continue
        theirs, ours = figures(step.answer), figures(answered)
        if "Cached" in theirs:
            names = ("Cached", "Buffers", "Active(file)", "Inactive(file)", "Dirty")
        else:
            names = _CHANGES
        if step.command in last:
            before, ours_before = last[step.command]
            for name in names:
                moved, ours_moved = theirs[name] - before[name], ours[name] - ours_before[name]
                slack = _SLACK.get(name, LAG + PAGEVEC)
                assert abs(moved - ours_moved) <= slack, (step.line, name, moved, ours_moved)
        last[step.command] = (theirs, ours)


def test_the_last_drop_leaves_what_is_dirty(replayed: list[tuple[Step, list[str]]]) -> None:
    """8192 pages of the big file but the 16 that are dirty, and 256 of the small one, nothing else."""
    infos = [(figures(step.answer), figures(answered)) for step, answered in replayed if "meminfo" in step.command]
    (_, before), (_, after), _ = infos[-3:]
    assert before["Cached"] + before["Buffers"] - after["Cached"] - after["Buffers"] == 8192 - 16 + 256
    assert after["Dirty"] == 16


def test_memory_nearly_used_up(replayed: list[tuple[Step, list[str]]]) -> None:
    """After 96 MiB of anonymous memory, within a factor of two."""
    names = ("MemFree", "MemAvailable", "Buffers", "Cached", "Inactive", "AnonPages", "Mapped", "Shmem", "Dirty",
             "Slab", "SReclaimable", "PageTables", "Committed_AS")  # fmt: skip
    theirs, ours = [(figures(step.answer), figures(lines)) for step, lines in replayed if "meminfo" in step.command][-1]
    for name in names:
        assert theirs[name] <= 2 * ours[name] and ours[name] <= 2 * theirs[name], name
