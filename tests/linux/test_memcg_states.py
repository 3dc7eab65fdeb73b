"""Anything that can be done in memory cgroups, in any order: every page's group agrees with the counters."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.kernel.exit import do_group_exit
from memsh.linux.kernel.fork import fork
from memsh.linux.kernel.sched import switch_to
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import Killed
from memsh.linux.mm.mmap.madvise import do_madvise
from memsh.linux.mm.mmap.mmap import do_munmap, sys_mmap
from memsh.machines.box import Box
from memsh.procfs import tree

CG = "/sys/fs/cgroup"
_BASE = Box(Config(arch="x86_64", ram=512 * MIB, cpus=2, swap=32 * MIB, cmdline="norandmaps"))
tree.store(_BASE, f"{CG}/cgroup.subtree_control", "+memory\n")
PATHS = st.sampled_from(["a", "b", "a/c", "a/d", "b/e"])
CONTROLLERS = st.sampled_from(["memory", "memory", "pids", "cpuset", "io", "hugetlb"])
SIZES = st.sampled_from(["0", "1M", "3M", "8M", "20M", "max"])
AREA = 6 * MIB


class Groups(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.box = _BASE.copy()
        self.areas: dict[int, list[int]] = {}

    def store(self, name: str, text: str) -> None:
        """Whatever Linux says of it."""
        with suppress(KernelError):
            tree.store(self.box, f"{CG}/{name}", text + "\n")
        self.settle()

    def settle(self) -> None:
        self.box.oom.settle()
        if self.box.current.mm is None:
            alive = [task for task in self.box.tasks.values() if task.mm is not None and task is not self.box.init]
            switch_to(self.box, alive[0] if alive else self.box.init)

    @rule(path=PATHS)
    def mkdir(self, path: str) -> None:
        with suppress(KernelError):
            tree.mkdir(self.box, f"{CG}/{path}")

    @rule(path=PATHS)
    def rmdir(self, path: str) -> None:
        with suppress(KernelError):
            tree.rmdir(self.box, f"{CG}/{path}")

    @rule(path=st.sampled_from(["", "a/", "b/"]), sign=st.sampled_from("++-"), name=CONTROLLERS)
    def controllers(self, path: str, sign: str, name: str) -> None:
        self.store(f"{path}cgroup.subtree_control", f"{sign}{name}")

    @rule(path=PATHS)
    def threaded(self, path: str) -> None:
        self.store(f"{path}/cgroup.type", "threaded")

    @rule(path=st.one_of(PATHS, st.just(".")))
    def enter(self, path: str) -> None:
        self.store(f"{path}/cgroup.procs", "0")

    @rule(path=PATHS, knob=st.sampled_from(["max", "high", "low", "min", "swap.max", "swap.high"]), size=SIZES)
    def limit(self, path: str, knob: str, size: str) -> None:
        self.store(f"{path}/memory.{knob}", size)

    @rule(path=PATHS, size=st.sampled_from(["100k", "2M", "30M"]))
    def reclaim(self, path: str, size: str) -> None:
        self.store(f"{path}/memory.reclaim", size)

    @rule(path=PATHS, on=st.sampled_from("01"))
    def together(self, path: str, on: str) -> None:
        self.store(f"{path}/memory.oom.group", on)

    @rule(count=st.integers(1, 1500), at=st.integers(0, 500))
    def touch(self, count: int, at: int) -> None:
        task = self.box.current
        if task.mm is None or task is self.box.init:
            return
        held = self.areas.setdefault(task.pid, [])
        try:
            if not held:
                held.append(sys_mmap(self.box, task.mm, 0, AREA, 3, 0x22))
            touch_range(self.box, task, held[-1] + at * 4096, min(count * 4096, AREA - at * 4096), True)
        except (Killed, KernelError):
            pass
        self.settle()

    @rule(at=st.integers(0, 700), count=st.integers(1, 800), what=st.sampled_from(["unmap", 4, 21]))
    def give_back(self, at: int, count: int, what: str | int) -> None:
        task = self.box.current
        held = self.areas.get(task.pid)
        if not held or task.mm is None:
            return
        with suppress(KernelError):
            if isinstance(what, int):
                do_madvise(self.box, task.mm, held[-1] + at * 4096, count * 4096, what)
            else:
                do_munmap(self.box, task.mm, held.pop(), AREA)

    @rule(name=st.sampled_from(["x", "y"]), size=st.integers(1, 3_000_000))
    def write_file(self, name: str, size: int) -> None:
        fs = self.box.fs
        path = f"/tmp/{name}"
        with suppress(KernelError):
            fs.create(path)
        with suppress(KernelError):
            fs.write_zeros(fs.open(path, writable=True), 0, size)
        self.settle()

    @precondition(lambda self: len(self.box.tasks) < 40)
    @rule()
    def fork(self) -> None:
        task = self.box.current
        if task.mm is None or task is self.box.init:
            return
        try:
            child = fork(self.box, task).child
        except (Killed, KernelError):
            self.settle()
            return
        self.areas[child.pid] = list(self.areas.get(task.pid, []))
        self.settle()

    @rule(number=st.integers(0, 5))
    def switch(self, number: int) -> None:
        able = [task for task in self.box.tasks.values() if task.mm is not None and task is not self.box.init]
        if able:
            switch_to(self.box, able[number % len(able)])

    @rule(number=st.integers(0, 5))
    def end(self, number: int) -> None:
        able = [task for task in self.box.tasks.values() if task.mm is not None and task is not self.box.init]
        if len(able) > 1:
            do_group_exit(self.box, able[number % len(able)], 0)
            self.settle()

    @rule(usec=st.sampled_from([1000, 50_000, 3_000_000]))
    def wait(self, usec: int) -> None:
        self.box.timer.advance(usec)

    @rule()
    def copy(self) -> None:
        self.box = self.box.copy()

    @invariant()
    def accounted_for(self) -> None:
        assert check(self.box) == []


Groups.TestCase.settings = settings(
    max_examples=8, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestGroups = Groups.TestCase
