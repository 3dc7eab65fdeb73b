"""mallopt, tunables, malloc_info, malloc_stats: whole programs' calls, answered as glibc 2.36 itself answered them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.inspect.check import check
from memsh.libc.abi import ABIS
from memsh.libc.malloc import Malloc
from memsh.libc.mallopt import pairs, strtoul
from memsh.libc.process import UserProcess
from memsh.linux.config import Config
from memsh.linux.fs.exec import do_execve
from memsh.machines.box import Box
from tests.libc.fake import SYMBOLS, SYMBOLS64, FakeMemory
from tests.libc.test_malloc import new_heap

TRACES = sorted((Path(__file__).parent / "traces").glob("*.calls"))
ERRNO = {"ENOMEM": 12, "EINVAL": 22}


def _block(heap: Malloc, slots: dict[int, int], op: str, slot: int, a: int, b: int) -> str:
    """A call that yields memory, and what the program says of it."""
    if op == "m":
        mem = heap.malloc(a)
    elif op == "c":
        mem = heap.calloc(a, b)
    elif op == "r":
        mem = heap.realloc(slots.get(slot, 0), a)
    else:
        mem = heap.memalign(a, b)
    if mem or op != "r":
        slots[slot] = mem
    line = f"{op} {slot} {hex(mem) if mem else '(nil)'} {heap.malloc_usable_size(mem)}"
    if not mem:
        return f"{line} {ERRNO[heap.errno]}"
    return f"{line} z{max(heap.mem.read(mem, a * b), default=0)}" if op == "c" else line  # type: ignore[attr-defined]


def _write(heap: Malloc, mem: int, byte: int) -> None:
    """The program fills both ends of its block."""
    usable = heap.malloc_usable_size(mem)
    if mem:
        heap.mem.fill(mem, byte, min(usable, 64))
        heap.mem.fill(mem + max(0, usable - 64), byte, min(usable, 64))


def answers(heap: Malloc, calls: list[str]) -> Iterator[str]:
    slots: dict[int, int] = {}
    told = ""
    for call in calls:
        op, *words = call.split()
        first, second, third = [*map(int, words), 0, 0, 0][:3]
        if op in "mcrAG":
            yield _block(heap, slots, op, first, second, third)
        elif op == "f":
            heap.free(slots.pop(first, 0))
        elif op == "w":
            _write(heap, slots.get(first, 0), second)
        elif op == "t":
            yield f"t {heap.malloc_trim(first)}"
        elif op == "o":
            yield f"o {heap.mallopt(first, second)}"
        elif op == "b":
            yield f"b {heap.sbrk(first):#x}"
        elif op == "i":
            yield " ".join(map(str, ("i", *heap.mallinfo2())))
        elif op == "x":
            yield from (*heap.malloc_info().splitlines(), "x 0")
        else:
            told += heap.malloc_stats()
    yield f"brk {heap.sbrk(0):#x}"
    yield from told.splitlines()


@pytest.mark.parametrize("trace", TRACES, ids=lambda path: path.stem)
def test_recorded_calls(trace: Path) -> None:
    environment, *calls = trace.read_text().splitlines()
    begun, *recorded = trace.with_suffix(".answers").read_text().splitlines()
    _, start, _, top = begun.split()
    abi = ABIS[int(trace.stem.split("-")[1]) // 8]
    mem = FakeMemory(int(start, 16), int(top, 16), abi.word)
    mem.environment = environment.split()
    mem.huge = 2 << 20  # the recorded machine gave huge pages to who asked for them
    heap = Malloc(mem, SYMBOLS if abi.word == 4 else SYMBOLS64, abi)
    heap.load_variables()
    assert list(answers(heap, calls)) == recorded


@pytest.mark.parametrize(
    ("text", "value"),
    [("12", 12), (" \t+0x1fz", 0x1F), ("010", 8), ("08", 0), ("-1", (1 << 64) - 1), ("x", 0), ("", 0),
     ("99999999999999999999", (1 << 64) - 1)],
)  # fmt: skip
def test_numbers_of_tunables(text: str, value: int) -> None:
    assert strtoul(text) == value


def test_names_and_values_of_tunables() -> None:
    assert list(pairs("a=1:b:c=:=4:d=2=3:e")) == [("a", "1"), ("c", ""), ("", "4"), ("d", "2=3")]


def test_a_variable_gives_way_to_glibc_tunables() -> None:
    heap = new_heap()
    heap.mem.environment = ["MALLOC_TOP_PAD_=1", "GLIBC_TUNABLES=glibc.malloc.top_pad=2"]  # type: ignore[attr-defined]
    heap.malloc(1)
    assert heap.w[heap.mp.top_pad] == 2


def test_a_tunable_out_of_bounds_is_left_alone() -> None:
    heap = new_heap()
    heap.mem.environment = [  # type: ignore[attr-defined]
        "GLIBC_TUNABLES=glibc.malloc.perturb=256:glibc.malloc.arena_max=0:glibc.malloc.mmap_max=-1"
    ]
    heap.malloc(1)
    assert not heap.w[heap.perturb_byte] and not heap.w[heap.mp.arena_max]
    assert heap.load_int(heap.mp.n_mmaps_max) == 65536


@pytest.mark.parametrize(("mode", "heap"), [("madvise", 0x600000 - 0x585000), ("always", 0x21000)])
def test_the_heap_asks_for_huge_pages_where_that_counts(mode: str, heap: int) -> None:
    box = Box(Config(arch="x86_64", cmdline=f"norandmaps transparent_hugepage={mode}"))
    tunables = ("GLIBC_TUNABLES=glibc.malloc.hugetlb=1",)
    do_execve(box, box.current, "/bin/a.out-dyn", ["a.out-dyn"], tunables)
    user = UserProcess(box, box.current)
    library = user.malloc()
    library.sbrk(0)
    library.malloc(100)
    assert library.mallinfo2().arena == heap
    library.malloc(3 << 20)
    advised = [line for line in user.log if "MADV_HUGEPAGE" in line]
    assert bool(advised) == (mode == "madvise") and all(line.endswith("= 0") for line in advised)


@pytest.mark.parametrize(
    ("arch", "variable", "heap", "first"),
    [  # bytes from the break's page before malloc to its end, and what malloc(48000) gives; as C programs had them
        ("i386", "MALLOC_TOP_PAD_=0", 0x2000, 0xE10),
        ("i386", "MALLOC_TOP_PAD_=1000000", 0xF6000, 0xE10),
        ("i386", "MALLOC_MMAP_THRESHOLD_=100", 0x22000, 0xC80),
        ("x86_64", "MALLOC_TOP_PAD_=0", 0x2000, 0x16D0),
        ("x86_64", "MALLOC_TOP_PAD_=1000000", 0xF6000, 0x16D0),
        ("x86_64", "GLIBC_TUNABLES=glibc.malloc.hugetlb=1", 0x201000, 0x16D0),
    ],
)  # fmt: skip
def test_a_static_program_has_taken_before_main_what_its_environment_says(
    arch: str, variable: str, heap: int, first: int
) -> None:
    out = io.StringIO()
    session = open_session(
        ["--arch", arch, "--cmdline", "norandmaps transparent_hugepage=madvise"], out, out
    )
    session.run(f"{variable} run a.out")
    mm = session.box.current.mm
    assert mm is not None
    start = mm.brk - heap
    assert start == {"i386": 0x8153000, "x86_64": 0x576000}[arch]
    session.run("malloc 48000")
    assert f" = {start + first:#x} " in out.getvalue()
    assert check(session.box) == []


@pytest.mark.parametrize(
    ("pool", "first", "free"),
    [(12, 0x7FFFF7C00000, 10), (0, 0x7FFFF7EF9000, 0)],  # a huge page, or the 1 MiB that a C program got without any
)
def test_malloc_lives_in_huge_pages_of_the_pool_if_it_has_any(pool: int, first: int, free: int) -> None:
    out = io.StringIO()
    session = open_session(["--arch", "x86_64"], out, out)
    session.run(f"sysctl -w vm.nr_hugepages={pool}; GLIBC_TUNABLES=glibc.malloc.hugetlb=2 run a.out")
    session.run("malloc 100; sbrk 0; thread; malloc 100; grep HugePages_Free /proc/meminfo")
    told = out.getvalue()
    assert f"$1 = {first + 0x9D0:#x} " in told and "$2 = 0x576d00 " in told  # the break is left alone
    assert "$4 = 0x7ffff6800b70 " in told  # a heap at a multiple of four huge pages
    assert f"HugePages_Free: {free:8}\n" in told
    assert check(session.box) == []
