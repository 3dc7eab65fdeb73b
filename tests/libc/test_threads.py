"""Threads and malloc's arenas: addresses that a C program got from glibc 2.36, call by call (traces/threads-*.txt)."""

from pathlib import Path

import pytest

from memsh.inspect.check import check
from memsh.libc.process import UserProcess
from memsh.linux.config import Config
from memsh.linux.kernel.sched import switch_to
from memsh.machines.box import Box

TRACES = sorted((Path(__file__).parent / "traces").glob("threads-*.txt"))
ARCHES = {"32": "i386", "64": "x86_64"}


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
def test_addresses_are_those_of_a_c_program(trace: Path) -> None:
    _, bits, _ = trace.stem.split("-")
    box = Box(Config(arch=ARCHES[bits], cpus=2))
    tasks, slots = {0: box.current}, {0: 0}
    higher = 0x40000000 if bits == "32" else 0  # a 64-bit kernel's programs of 32 bits have 1 GiB more
    first = UserProcess(box, box.current).malloc().malloc(100)

    def answer(line: str) -> str:
        words = line.split(" = ")[0].split()
        actor, op, *numbers = int(words[0]), words[1], *map(int, words[2:])
        if box.current is not tasks[actor]:
            switch_to(box, tasks[actor])
        user = UserProcess(box, tasks[actor])
        heap = user.malloc()
        told = line.split(" = ")[0]
        if op in "tjx":
            if op == "t":
                tasks[numbers[0]] = user.threads().create()
            elif op == "j":
                user.threads().join(tasks.pop(numbers[0]).pid)
            else:
                user.threads().exit()
            return told
        if op == "T":
            heap.malloc_trim(0)
            return told
        slot = numbers[0]
        if op == "f":
            heap.free(slots.pop(slot))
            return told
        match op:
            case "m":
                mem = heap.malloc(numbers[1])
            case "c":
                mem = heap.calloc(numbers[1], 1)
            case "a":
                mem = heap.memalign(numbers[1], numbers[2])
            case _:
                mem = heap.realloc(slots[slot], numbers[1])
        slots[slot] = mem
        head = heap.w[mem - heap.sz]
        if head & 2:
            return f"{told} = mapped"
        if head & 4:
            return f"{told} = {mem + higher:x}"
        return f"{told} = +{mem - first:x}"

    lines = trace.read_text(encoding="ascii").splitlines()
    for number, line in enumerate(lines):
        assert (number, answer(line)) == (number, line)
    assert check(box) == []
