"""The programs on the disk: layouts that hold together."""

import pytest

from memsh.libc.programs import image_of, symbols_of
from memsh.linux.config import Config
from memsh.linux.fs.exec import do_execve
from memsh.linux.include.image import Image
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.mm.memory.uaccess import peek
from memsh.machines.box import Box
from memsh.machines.programs import programs
from memsh.procfs.pid import PID_FILES
from tests.linux.transcript import steps
from tests.paths import REFERENCE

PROGRAMS = programs()
MAIN = [name for name in PROGRAMS if not name.startswith("/lib")]


@pytest.fixture(scope="module")
def booted() -> Box:
    return Box(Config())


@pytest.mark.parametrize("image", PROGRAMS.values(), ids=lambda image: image.path)
def test_segments_are_what_a_linker_makes(image: Image) -> None:
    end = 0
    for segment in image.segments:
        assert segment.vaddr & 4095 == segment.offset & 4095
        assert segment.filesz <= segment.memsz
        assert segment.vaddr & ~4095 >= end
        assert segment.offset + segment.filesz <= image.size
        end = segment.vaddr + segment.memsz
    code = image.code_bounds()
    assert code[0] <= image.entry < code[1]
    start, length = image.relro
    last = image.segments[-1]
    assert last.vaddr & ~4095 == start
    assert start + length <= last.vaddr + last.filesz


@pytest.mark.parametrize("name", MAIN)
def test_each_program_runs(booted: Box, name: str) -> None:
    box = booted.copy()
    task = kernel_clone(box, box.init)
    do_execve(box, task, name, [name])
    assert task.comm == name.rpartition("/")[2]
    assert image_of(box, task) is not None
    for symbol, addr in symbols_of(box, task).items():
        if symbol in ("main_arena", "mp_", "tcache"):
            assert peek(box, task, addr, 4) is not None, f"{symbol} lies in no page that the program has used"


def test_a_dynamic_program_is_laid_out_as_recorded(booted: Box) -> None:
    box = booted.copy()
    task = kernel_clone(box, box.init)
    do_execve(box, task, "a.out-dyn", ["a.out-dyn"])
    recorded = steps(REFERENCE / "transcripts" / "libc-malloc.txt")[1].answer[:-1]
    ours = PID_FILES["maps"](box, task).splitlines()
    assert [line[:27] for line in ours] == [line[:27] for line in recorded]
    assert [line.rpartition("/")[2] for line in ours if ".so" in line] == [
        line.rpartition("/")[2] for line in recorded if ".so" in line
    ]


def test_the_arguments_lie_on_the_stack(booted: Box) -> None:
    """argc, argv and the strings, read as a program would from its stack pointer."""
    box = booted.copy()
    task = kernel_clone(box, box.init)
    do_execve(box, task, "a.out", ["a.out", "one", "two"])
    assert task.mm is not None
    words = peek(box, task, task.mm.start_stack, 28)
    assert words is not None
    argc, *pointers = (int.from_bytes(words[place : place + 4], "little") for place in range(0, 28, 4))
    assert argc == 3
    assert pointers[3] == 0
    assert [peek(box, task, pointer, 4) for pointer in pointers[1:3]] == [b"one\0", b"two\0"]
    assert peek(box, task, pointers[4], 7) == b"HOME=/\0"
    assert peek(box, task, 0xC0000000 - 4 - 11, 11) == b"/bin/a.out\0"
