"""What stress's workers do (stress 1.0.7): spin, sync, allocate and touch, write and remove.

A worker does in one go what some milliseconds of its CPU suffice for; the clock then moves on by as much.

Known deviations: what --hdd writes are zeros; --io finds dirty pages of others only where it begins anew.
"""

from __future__ import annotations

import posixpath

from memsh.linux.box import Box
from memsh.linux.fs import file_table
from memsh.linux.fs.file_table import O_RDWR
from memsh.linux.include.errno import KernelError, Signalled
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE, PAGE_SIZE, SIGKILL
from memsh.linux.include.sched import Task, context_switch
from memsh.linux.kernel import exit as ending
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import Killed, OutOfMemory
from memsh.linux.mm.mmap import vma

CHUNK_USEC = 10_000  # the clock's steps
CHUNK = 8 << 20  # bytes that are touched or written in so much time
PIECE = (1 << 20) - 1  # bytes of one write()
SYNC_USEC = 25  # of CPU time
NAME_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_ANON = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
_RW = 3


class Failed(Exception):
    """A worker gives up or is gone: the line of stress.c that says so, and what it says; `pid` if it says so itself."""

    def __init__(self, line: int, why: str) -> None:
        super().__init__(why)
        self.line, self.why, self.pid = line, why, 0


class Hog:
    """A worker that spins on sqrt(). `user`: of how many parts of its CPU time one is the program's own."""

    user = 1

    def __init__(self, box: Box, task: Task) -> None:
        self.box = box
        self.pid = task.pid
        self.born = task
        self.rest_until = self.waits_until = self.ran = 0

    @property
    def task(self) -> Task | None:
        task = self.box.tasks.get(self.pid)
        return task if task is not None and task.mm is not None else None

    @property
    def ended_by(self) -> int:
        """The signal that ended it."""
        return self.born.exit_code & 0x7F or SIGKILL

    def turns(self, usec: int, period: int) -> int:
        """How often it had to let others have the CPU in `usec` µs, once in each period."""
        self.ran += usec
        turns, self.ran = divmod(self.ran, period)
        return turns

    def work(self, task: Task, usec: int) -> None:
        """Do what `usec` µs of a CPU suffice for. Failed, KernelError, Killed, OutOfMemory."""

    def step(self, usec: int) -> str:
        """The same on the worker's CPU; the state that it is in then, nothing once it is dead. Failed."""
        box, task = self.box, self.task
        if task is None:
            return ""
        if box.timer.usec < max(self.rest_until, self.waits_until):
            return "S" if box.timer.usec < self.rest_until else "D"
        current, waited = box.current, box.disk.waited_usec
        context_switch(box, task)
        try:
            self.work(task, usec)
        except (Killed, OutOfMemory):
            box.oom.settle()
        except Failed as failed:
            failed.pid = self.pid
            raise
        finally:
            alive = current.alive and current.mm is not None
            context_switch(box, current if alive else box.init)
        if self.task is None:
            return ""
        if box.timer.usec < self.rest_until:
            return "S"
        slept = box.disk.waited_usec - waited > CHUNK_USEC // 2
        return "D" if slept or box.timer.usec < self.waits_until else "R"


class IoHog(Hog):
    """Spins on sync(): the disk is told to keep what it has, again and again, also where there is nothing to write."""

    user = 50

    def work(self, task: Task, usec: int) -> None:
        box = self.box
        box.fs.sync()
        times = usec // (box.model.disk.latency_usec + SYNC_USEC)
        for _ in range(times):
            self.waits_until = box.disk.flush()
        task.nvcsw += times
        box.cputime.switches += 2 * times
        box.cputime.owe(task, 0, times * SYNC_USEC)


class VmHog(Hog):
    """Allocates, touches, waits, frees, again and again."""

    user = 8

    def __init__(self, box: Box, task: Task, size: int, stride: int, hang_usec: int, keep: bool) -> None:
        super().__init__(box, task)
        self.size, self.stride, self.hang_usec, self.keep = size, stride, hang_usec, keep
        self.addr = self.at = 0

    def work(self, task: Task, usec: int) -> None:
        box, mm = self.box, task.mm
        assert mm is not None
        if self.addr and self.at >= self.addr + self.size:  # held for long enough
            self.at = self.addr
            if not self.keep:
                vma.do_munmap(box, mm, self.addr, self.size)
                self.addr = 0
        if not self.addr:
            try:
                self.addr = self.at = vma.sys_mmap(box, mm, 0, self.size, _RW, _ANON)
            except KernelError as error:
                raise Failed(512, f"hogvm malloc failed: {error.strerror}") from None
        end, room = self.addr + self.size, max(PAGE_SIZE, CHUNK * usec // CHUNK_USEC & -PAGE_SIZE)
        faults = task.minflt + task.majflt
        if self.stride <= PAGE_SIZE:
            length = min(room, end - self.at)
            touch_range(box, task, self.at, length, True)
            self.at += length
        else:
            for _ in range(room // PAGE_SIZE):
                if self.at >= end:
                    break
                touch_range(box, task, self.at, 1, True)
                self.at += self.stride
        self.user = VmHog.user if task.minflt + task.majflt > faults else Hog.user  # pages that are there cost it alone
        if self.at >= end:
            self.rest_until = box.timer.usec + self.hang_usec


class HddHog(Hog):
    """Writes a file that has no name any more, closes it, and begins again."""

    user = 40

    def __init__(self, box: Box, task: Task, size: int, folder: str) -> None:
        super().__init__(box, task)
        self.size, self.folder = size, folder
        self.fd = -1
        self.at = self.made = 0

    def work(self, task: Task, usec: int) -> None:
        box, begin = self.box, self.box.timer.usec
        room = CHUNK * usec // CHUNK_USEC
        while room > 0 and box.timer.usec - begin < CHUNK_USEC and task.alive:
            if self.fd < 0:
                self._mkstemp(task)
            opened = file_table.files_of(box, task).open[self.fd].file
            assert opened is not None
            length = min(PIECE, self.size - self.at) if self.size else PIECE
            try:
                done = box.fs.write_zeros(opened, opened.position, length)
            except Signalled as error:
                ending.do_group_exit(box, task, error.signal)
                return
            except KernelError as error:
                raise Failed(599, f"write failed: {error.strerror}") from None
            opened.position += done
            self.at += length
            room -= length
            if self.size and self.at >= self.size:
                file_table.close_fd(box, task, self.fd)
                self.fd, self.at = -1, 0

    def _mkstemp(self, task: Task) -> None:
        """A file under a name that nobody has, which goes at once."""
        box, seed = self.box, self.pid << 16 | self.made
        self.made += 1
        letters = ""
        for _ in range(6):
            seed = (seed * 6364136223846793005 + 1442695040888963407) % (1 << 64)
            letters += NAME_LETTERS[(seed >> 33) % len(NAME_LETTERS)]
        path = posixpath.join(self.folder, f"stress.{letters}")
        try:
            if not self.folder:  # nothing can be made in /proc
                raise KernelError("ENOENT")
            box.fs.create(path)
            self.fd = file_table.do_open(box, task, path, O_RDWR)
            box.fs.unlink(path)
        except KernelError as error:
            raise Failed(581, f"mkstemp failed: {error.strerror}") from None
