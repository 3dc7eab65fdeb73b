"""Threads and malloc's arenas: addresses that a C program got from glibc 2.36, call by call (traces/threads-*.txt)."""

import io
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.inspect.check import check
from memsh.libc.process import UserProcess
from memsh.linux.config import Config
from memsh.linux.kernel.sched import switch_to
from memsh.machines.box import Box

TRACES = sorted((Path(__file__).parent / "traces").glob("threads-*.txt"))
ARCHES = {"32": "i386", "64": "x86_64"}


def of_threads(info: str) -> str:
    """malloc_info() of the arenas but the main one, whose beginning is the program's."""
    return info[info.index('<heap nr="1">') : info.rindex("</heap>")]


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
        user = UserProcess.of(box, tasks[actor])  # as commands do
        user.rest()
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

    calls, _, info = trace.read_text(encoding="ascii").partition("0 I\n")  # some end with what malloc_info() prints
    lines = calls.splitlines()
    for number, line in enumerate(lines):
        assert (number, answer(line)) == (number, line)
    if info:
        switch_to(box, tasks[0])
        assert of_threads(UserProcess(box, tasks[0]).malloc().malloc_info()) == of_threads(info)
    assert check(box) == []


def test_one_arena_if_the_environment_says_so() -> None:
    """GLIBC_TUNABLES and M_ARENA_MAX."""
    for arch in ARCHES.values():
        out = io.StringIO()
        session = open_session(["--arch", arch, "--ram", "128M"], out, out)
        session.run("GLIBC_TUNABLES=glibc.malloc.arena_max=1 run a.out")
        session.run("malloc 100; thread; malloc 100; as 54 malloc 100")
        one = [int(line.split()[2], 16) for line in out.getvalue().splitlines() if " 0x" in line]
        assert max(one) - min(one) < 4096
        session.run("run a.out; mallopt M_ARENA_MAX 2; malloc 100")
        session.run("thread; malloc 100; thread; malloc 100; thread; malloc 100")
        found = [int(line.split()[2], 16) >> 20 for line in out.getvalue().splitlines() if " 0x" in line][3:]
        assert len(set(found)) == 2
        assert check(session.box) == []


def test_an_arena_that_is_broken_ends_all_threads() -> None:
    out = io.StringIO()
    session = open_session(["--ram", "128M"], out, out)
    session.run("run a.out; thread; p=$(malloc 100); q=$(malloc 100); free $p; free $p")
    assert "free(): double free detected in tcache 2\nAborted\n" in out.getvalue()
    assert session.run("pgrep -c a.out") == 0 and out.getvalue().endswith("\n1\n")
    assert check(session.box) == []


def test_out_of_memory_ends_the_process_with_all_its_threads() -> None:
    out = io.StringIO()
    session = open_session(["--ram", "64M"], out, out)
    session.run("run a.out; thread; thread; p=$(mmap 40M); q=$(mmap 40M); touch $p 40M; touch $q 40M")
    assert "Out of memory: Killed process 54 (a.out)" in out.getvalue()
    session.run("ls /proc | grep -cx 54; ps -eL | grep -c a.out")
    assert out.getvalue().endswith("0\n1\n")
    assert check(session.box) == []
