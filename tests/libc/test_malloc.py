"""Every recorded trace of malloc calls, address by address."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from memsh.libc.abi import Abi, Abi32, Abi64
from memsh.libc.malloc import Malloc
from memsh.libc.process import UserProcess
from memsh.linux.config import Config
from memsh.linux.fs.exec import do_execve
from memsh.machines.box import Box
from tests.libc.fake import SYMBOLS, SYMBOLS64, FakeMemory
from tests.libc.replay import answers
from tests.paths import REFERENCE, REFERENCE64

RECORDED = sorted((REFERENCE / "heap").glob("*.in"))
RECORDED64 = sorted((REFERENCE64 / "heap").glob("*.in"))
OURS = sorted((Path(__file__).parent / "traces").glob("*.in"))
LIBRARY = 0xB7D9B000  # mappings go below: the recorded program had its libraries where a.out-dyn has them
LIBRARY64 = 0x7FFFF7DDD000


def new_heap(start: int = 0x0838D000, abi: Abi = Abi32) -> Malloc:
    top = LIBRARY if abi.word == 4 else LIBRARY64
    heap = Malloc(FakeMemory(start, top, abi.word), SYMBOLS if abi.word == 4 else SYMBOLS64, abi)
    heap.load_variables()
    return heap


def moved(lines: list[str], by: int) -> list[str]:
    """Answers with the heap's addresses shifted by so many bytes."""

    def shift(match: re.Match[str]) -> str:
        addr = int(match[0], 16)
        return hex(addr + by if addr < 0x40000000 else addr)

    return [re.sub(r"0x[0-9a-f]+", shift, line) for line in lines]


@pytest.mark.parametrize("trace", RECORDED + OURS, ids=lambda path: path.stem)
def test_recorded_trace(trace: Path) -> None:
    recorded = trace.with_suffix(".out").read_text().splitlines()
    assert list(answers(new_heap(int(recorded[0].split()[1], 16)), trace.read_text())) == recorded


@pytest.mark.parametrize("trace", RECORDED64, ids=lambda path: path.stem)
def test_recorded_trace_of_64_bits(trace: Path) -> None:
    recorded = trace.with_suffix(".out").read_text().splitlines()
    assert list(answers(new_heap(int(recorded[0].split()[1], 16), Abi64), trace.read_text())) == recorded


@pytest.mark.parametrize("trace", RECORDED, ids=lambda path: path.stem)
def test_recorded_trace_in_a_process(trace: Path) -> None:
    box = Box(Config())
    do_execve(box, box.current, "/bin/a.out-dyn", ["a.out-dyn"])
    recorded = trace.with_suffix(".out").read_text().splitlines()
    got = list(answers(UserProcess(box, box.current).malloc(), trace.read_text()))
    start = int(got[0].split()[1], 16) - int(recorded[0].split()[1], 16)
    assert got == moved(recorded, start)


@pytest.mark.parametrize("trace", RECORDED64, ids=lambda path: path.stem)
def test_recorded_trace_in_a_process_of_64_bits(trace: Path) -> None:
    box = Box(Config(ram=2 << 30, arch="x86_64", cmdline="norandmaps transparent_hugepage=never"))
    do_execve(box, box.current, "/bin/a.out-dyn", ["a.out-dyn"])
    recorded = trace.with_suffix(".out").read_text().splitlines()
    heap = UserProcess(box, box.current).malloc()
    heap.sbrk(int(recorded[0].split()[1], 16) - heap.sbrk(0))  # the recorded program is larger
    assert list(answers(heap, trace.read_text())) == recorded
