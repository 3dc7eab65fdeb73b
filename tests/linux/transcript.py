"""Replay `reference/transcripts/*.txt`: each `$ …` line becomes a call of the kernel, its answer is spelt as recorded.

`steps(path)` reads a file; `Replay(box).do(command)` answers one command; `same(command, recorded, answered)` compares,
leaving out only what differs by design: file names, devices and inodes; whether a file's page is clean or dirty, shared
memory or file; the faults of `cat`; one fault of a child's first operation; the faults of a dynamic program's first
malloc; the resident figures of `status` and `statm`, which lag behind the page tables on Linux.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from memsh.linux.fs import exec as binprm
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_FIXED, MAP_POPULATE, MAP_PRIVATE, MAP_SHARED
from memsh.linux.include.sched import Task
from memsh.linux.kernel.exit import do_exit, do_wait
from memsh.linux.kernel.fork import fork, kernel_clone
from memsh.linux.kernel.sched import switch_to
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap import vma
from memsh.procfs.pid import PID_FILES

PROGRAMS = {"/proc-static": "/bin/a.out", "/proc-dyn": "/bin/a.out-dyn"}
FAILED = 0xFFFFFFFF


class Step(NamedTuple):
    """One command and its recorded answer; `line` is where the command stands in the file."""

    line: int
    command: str
    answer: list[str]


def steps(path: Path) -> list[Step]:
    found: list[Step] = []
    for number, line in enumerate(path.read_text(encoding="latin-1").split("\n"), 1):
        if line.startswith("$ "):
            found.append(Step(number, line[2:], []))
        elif found:
            found[-1].answer.append(line)
    for step in found:
        while step.answer and not step.answer[-1]:
            step.answer.pop()
    return found


class Replay:
    """Processes by the names of the recording, on one box."""

    def __init__(self, box: Any) -> None:
        self.box = box
        self.tasks: dict[str, Task] = {}
        self.slots: dict[tuple[str, str], int] = {}
        self.users: dict[str, Any] = {}
        self.fresh: set[str] = set()  # children that have done nothing yet
        self.dynamic_mallocs: set[str] = set()

    def do(self, command: str) -> list[str] | None:
        """The answer's lines; None for a command that is not a process's."""
        words = command.split()
        if words[0] == "spawn":
            task, path = self.box.current, PROGRAMS[words[2]]
            if self.tasks or task.path != path:  # the box's own a.out is the first
                task = kernel_clone(self.box, self.box.init)
                binprm.do_execve(self.box, task, path, [words[2], *words[3:]])
            self.tasks[words[1]] = task
            return [f"pid {task.pid}"]
        if words[0] != "to":
            return None
        name, operation, args = words[1], words[2], words[3:]
        task, was = self.tasks[name], self.box.current
        switch_to(self.box, task)
        lines = self._one(name, task, operation, args)
        if was.pid in self.box.tasks and was.alive:
            switch_to(self.box, was)
        return lines

    def _one(self, name: str, task: Task, operation: str, args: list[str]) -> list[str]:
        if operation == "cat":
            text = PID_FILES[args[0]](self.box, task)
            return [*text.split("\n")[:-1], "minflt 0 majflt 0"]
        if operation == "exit":
            do_exit(self.box, task, 0)
            return []
        before = task.minflt, task.majflt
        lines = self._operation(name, task, operation, args)
        if operation == "fork":
            return lines
        after = task.minflt, task.majflt
        result = f"{lines.pop()} " if lines and lines[-1] else (lines.pop() if lines else "")
        lines.append(f"{result}minflt {after[0] - before[0]} majflt {after[1] - before[1]}")
        return lines

    def _operation(self, name: str, task: Task, operation: str, args: list[str]) -> list[str]:
        if operation in ("malloc", "free", "calloc", "realloc", "trim", "stats"):
            return self._malloc(name, task, operation, args)
        if operation == "fork":
            result = fork(self.box, task)
            self.tasks[args[0]] = result.child
            self.fresh.add(args[0])
            return [f"{result.child.pid} minflt {result.minflt} majflt {result.majflt}"]
        if operation == "wait":
            return [str(do_wait(self.box, task)[0])]
        if operation in ("read", "write"):
            touch_range(self.box, task, int(args[0], 0), int(args[1], 0), operation == "write")
            return [""]
        if operation == "stack":
            length = int(args[0], 0)
            touch_range(self.box, task, task.sp - length, length, True)
            return [""]
        return self._areas(task, operation, args)

    def _areas(self, task: Task, operation: str, args: list[str]) -> list[str]:
        box, mm = self.box, task.mm
        assert mm is not None
        numbers = [int(word, 0) for word in args if re.fullmatch(r"0x[0-9a-f]+|-?\d+", word)]
        failed = "0xffffffff" if operation in ("mmap", "mremap", "sbrk", "brk") else "-1"
        try:
            if operation == "mmap":
                return [hex(self._mmap(mm, numbers, args))]
            if operation == "mremap":
                return [hex(vma.do_mremap(box, mm, *numbers[:3], numbers[3] if len(numbers) > 3 else 0, 0))]
            if operation == "sbrk":
                old = mm.brk
                if vma.do_brk(box, mm, old + numbers[0]) != old + numbers[0]:
                    raise KernelError("ENOMEM")
                return [hex(old)]
            getattr(vma, f"do_{operation}")(box, mm, *numbers)
            return ["0"]
        except KernelError as error:
            if operation == "munmap":
                return [failed]
            return [f"{operation}: {error.strerror}", failed]

    def _mmap(self, mm: Any, numbers: list[int], args: list[str]) -> int:
        flags, addr = MAP_ANONYMOUS | (MAP_SHARED if "shared" in args else MAP_PRIVATE), 0
        for word in args:
            if word == "populate":
                flags |= MAP_POPULATE
            elif word.startswith("fixed@"):
                flags |= MAP_FIXED
                addr = int(word[6:], 0)
        return vma.sys_mmap(self.box, mm, addr, numbers[0], numbers[1], flags)

    def _malloc(self, name: str, task: Task, operation: str, args: list[str]) -> list[str]:
        from memsh.libc.process import UserProcess

        user = UserProcess(self.box, task)
        heap = user.malloc()
        key = (name, args[-1] if args else "")
        if operation == "malloc":
            self.slots[key] = heap.malloc(int(args[0], 0))
            return [hex(self.slots[key])]
        if operation == "calloc":
            self.slots[key] = heap.calloc(1, int(args[0], 0))
            return [hex(self.slots[key])]
        if operation == "realloc":
            self.slots[key] = heap.realloc(self.slots[key], int(args[0], 0))
            return [hex(self.slots[key])]
        if operation == "free":
            heap.free(self.slots.pop(key))
            return [""]
        if operation == "trim":
            return [str(heap.malloc_trim(int(args[0], 0)))]
        return self._stats(heap)

    @staticmethod
    def _stats(heap: Any) -> list[str]:
        info = heap.mallinfo2()
        names = ["arena", "ordblks", "smblks", "hblks", "hblkhd", "fsmblks", "uordblks", "fordblks", "keepcost"]
        values = info if isinstance(info, dict) else info._asdict()
        return [" ".join(f"{name} {values[name]}" for name in names), ""]


# -- comparison --------------------------------------------------------------

_AREA = re.compile(r"^([0-9a-f]{8}-[0-9a-f]{8} ....) ([0-9a-f]{8}) [0-9a-f]{2}:[0-9a-f]{2} \d+ +(/.*)$")
_LAGGING = ("VmHWM", "VmRSS", "RssAnon", "RssFile", "RssShmem")
_OTHERWISE = ("Name", "Pid", "Tgid", "NStgid", "NSpid", "voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")
_SUMS = {
    "Shared_Clean": "Shared", "Shared_Dirty": "Shared", "Private_Clean": "Private", "Private_Dirty": "Private",
    "Pss_File": "Pss_of_files", "Pss_Shmem": "Pss_of_files",
}  # fmt: skip


def canonical(lines: list[str]) -> list[str]:
    """An answer without what differs by design."""
    out: list[str] = []
    sums: dict[str, int] = {}

    def flush() -> None:
        out.extend(f"{name}: {value} kB" for name, value in sorted(sums.items()))
        sums.clear()

    for line in lines:
        area = _AREA.match(line)
        if area or re.match(r"^[0-9a-f]{8}-", line):
            flush()
            out.append(f"{area[1]} {area[2]} FILE" if area else line)
            continue
        label, colon, value = line.partition(":")
        if not colon:
            flush()
            out.append(line)
        elif label in _SUMS:
            sums[_SUMS[label]] = sums.get(_SUMS[label], 0) + int(value.split()[0])
        elif label != "Pss_Dirty" and label not in _LAGGING and label not in _OTHERWISE:
            out.append(line)
    flush()
    return out


def _faults(line: str) -> tuple[str, int, int]:
    match = re.fullmatch(r"(.*?)minflt (\d+) majflt (\d+)", line)
    assert match is not None, line
    return match[1], int(match[2]), int(match[3])


def _statm(line: str) -> list[str]:
    words = line.split()
    return [words[0], *words[3:]]


class Comparison:
    """What `same` has to remember from one step to the next."""

    def __init__(self) -> None:
        self.offset: int | None = None  # our PIDs less the recorded ones
        self.children: set[str] = set()
        self.static: dict[str, bool] = {}
        self.malloced: set[str] = set()

    def same(self, command: str, recorded: list[str], answered: list[str]) -> str:
        """ "" if the answers agree, else the first difference in words."""
        words = command.split()
        if words[0] == "spawn":
            self.static[words[1]] = "static" in words[2]
            ours, theirs = int(answered[0].split()[1]), int(recorded[0].split()[1])
            if self.offset is None:
                self.offset = ours - theirs
            return "" if ours - theirs == self.offset else f"PID {ours}, recorded {theirs}"
        name, operation = words[1], words[2]
        first = name in self.children
        self.children.discard(name)
        if operation == "exit":
            return ""
        if operation == "fork":
            self.children.add(words[3])
        if operation == "cat":
            recorded, answered = recorded[:-1], answered[:-1]
            if words[3] == "statm":
                recorded, answered = _statm(recorded[0]), _statm(answered[0])
            return difference(canonical(recorded), canonical(answered))
        slack = 1 if first else 0
        before, minor, major = _faults(recorded[-1])
        ours_before, ours_minor, ours_major = _faults(answered[-1])
        if operation in ("fork", "wait"):
            before = str(int(before) + (self.offset or 0)) + " "
        trouble = difference([*recorded[:-1], before], [*answered[:-1], ours_before])
        if trouble:
            return trouble
        if operation == "malloc" and not self.static[name] and name not in self.malloced:
            self.malloced.add(name)
            return ""
        if not 0 <= minor - ours_minor <= slack or major != ours_major:
            return f"minflt {ours_minor} majflt {ours_major}, recorded minflt {minor} majflt {major}"
        return ""


def difference(recorded: list[str], answered: list[str]) -> str:
    area = ""
    for theirs, ours in zip(recorded, answered, strict=False):
        if re.match(r"^[0-9a-f]{8}-", theirs):
            area = theirs[:17] + ": "
        if theirs != ours and not _rounding(theirs, ours):
            return f"{area}{ours!r}, recorded {theirs!r}"
    if len(recorded) != len(answered):
        longer = recorded if len(recorded) > len(answered) else answered
        more = longer[min(len(recorded), len(answered))]
        return f"{len(answered)} lines, recorded {len(recorded)}; one of them has {more!r}"
    return ""


def _rounding(theirs: str, ours: str) -> bool:
    """Sums of figures that were rounded down one by one may differ by 1 kB."""
    match = re.fullmatch(r"Pss_of_files: (\d+) kB", theirs)
    other = re.fullmatch(r"Pss_of_files: (\d+) kB", ours)
    return bool(match and other and abs(int(match[1]) - int(other[1])) <= 1)


def replay(box: Any, path: Path) -> list[str]:
    """Every difference in a transcript: "line N: $ command: words"."""
    player, comparison = Replay(box), Comparison()
    found = []
    for step in steps(path):
        answered = player.do(step.command)
        if answered is not None:
            trouble = comparison.same(step.command, step.answer, answered)
            if trouble:
                found.append(f"line {step.line}: $ {step.command}: {trouble}")
    return found
