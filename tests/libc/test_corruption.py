"""Programs that break malloc's data end as glibc ends them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from memsh.libc.abi import Abi, Abi32, Abi64, Abort
from memsh.libc.malloc import Malloc
from tests.libc.test_malloc import new_heap


def _twice_in_tcache(heap: Malloc) -> None:
    mem = heap.malloc(100)
    heap.free(mem)
    heap.free(mem)


def _twice_in_a_fast_bin(heap: Malloc) -> None:
    blocks = [heap.malloc(20) for _ in range(8)]
    for mem in blocks:
        heap.free(mem)
    heap.free(blocks[7])


def _twice_at_top(heap: Malloc) -> None:
    mem = heap.malloc(5000)
    heap.free(mem)
    heap.free(mem)


def _twice_in_the_middle(heap: Malloc) -> None:
    mem = heap.malloc(5000)
    heap.malloc(10)
    heap.free(mem)
    heap.free(mem)


def _into_the_middle(heap: Malloc) -> None:
    heap.free(heap.malloc(5000) + 4)


def _mapped_into_the_middle(heap: Malloc) -> None:
    mem = heap.malloc(200_000)
    heap.st(mem + 4 + 4, 0x1002)
    heap.free(mem + 12)


def _size_of_nonsense(heap: Malloc) -> None:
    mem = heap.malloc(100)
    heap.st(mem - 4, 9)
    heap.free(mem)


def _top_overwritten(heap: Malloc) -> None:
    mem = heap.malloc(100)
    heap.st(mem + 108, 0xFFFFFFFF)
    heap.malloc(2000)


def _next_size_overwritten(heap: Malloc) -> None:
    mem = heap.malloc(5000)
    heap.malloc(5000)
    heap.st(mem - heap.hdr + 5008 + heap.sz, heap.w[heap.av.system_mem] | 1)
    heap.free(mem)


def _unsorted_size_overwritten(heap: Malloc) -> None:
    mem = heap.malloc(5000)
    heap.malloc(10)
    heap.free(mem)
    heap.st(mem - 4, 1)
    heap.malloc(3000)


def _links_overwritten(heap: Malloc) -> None:
    mem, after = heap.malloc(5000), heap.malloc(5000)
    heap.malloc(10)
    heap.free(mem)
    heap.st(mem, after)
    heap.free(after)


def _cached_link_overwritten(heap: Malloc) -> None:
    first, second = heap.malloc(20), heap.malloc(20)
    heap.free(first)
    heap.free(second)
    heap.st(second, 0x41414141)
    heap.malloc(20)
    heap.malloc(20)


def _realloc_of_a_bad_pointer(heap: Malloc) -> None:
    heap.realloc(heap.malloc(100) + 4, 200)


def _break_taken_back(heap: Malloc) -> None:
    heap.malloc(100)
    heap.sbrk(-4096)
    heap.malloc(131_000)
    heap.malloc(131_000)


CASES: list[tuple[Callable[[Malloc], None], str]] = [
    (_twice_in_tcache, "free(): double free detected in tcache 2"),
    (_twice_in_a_fast_bin, "double free or corruption (fasttop)"),
    (_twice_at_top, "free(): invalid size"),
    (_twice_in_the_middle, "double free or corruption (!prev)"),
    (_into_the_middle, "free(): invalid pointer"),
    (_mapped_into_the_middle, "munmap_chunk(): invalid pointer"),
    (_size_of_nonsense, "free(): invalid size"),
    (_top_overwritten, "malloc(): corrupted top size"),
    (_next_size_overwritten, "free(): invalid next size (normal)"),
    (_unsorted_size_overwritten, "malloc(): invalid size (unsorted)"),
    (_links_overwritten, "corrupted double-linked list"),
    (_cached_link_overwritten, "malloc(): unaligned tcache chunk detected"),
    (_realloc_of_a_bad_pointer, "realloc(): invalid pointer"),
    (_break_taken_back, "break adjusted to free malloc space"),
]


@pytest.mark.parametrize(("crime", "message"), CASES, ids=[crime.__name__.strip("_") for crime, _ in CASES])
def test_abort(crime: Callable[[Malloc], None], message: str) -> None:
    with pytest.raises(Abort) as caught:
        crime(new_heap())
    assert caught.value.message == message


def test_no_memory_is_null() -> None:
    heap = new_heap()
    heap.malloc(10)
    heap.mem.broken = heap.mem.full = True  # type: ignore[attr-defined]
    assert heap.malloc(1 << 20) == 0 and heap.errno == "ENOMEM"
    assert heap.calloc(1 << 16, 1 << 16) == 0
    assert heap.malloc(0x80000000) == 0
    assert heap.memalign(0x80000001, 1) == 0 and heap.errno == "EINVAL"


def test_a_break_that_does_not_move_is_replaced_by_a_mapping() -> None:
    heap = new_heap()
    heap.malloc(130_000)
    heap.mem.broken = True  # type: ignore[attr-defined]
    mem = heap.malloc(130_000)
    assert mem > 0xB0000000 and heap.w[heap.av.top] > mem
    heap.free(mem)
    assert heap.malloc(130_000) == mem


@pytest.mark.parametrize("abi", [Abi32, Abi64], ids=["32", "64"])
def test_what_replaces_a_break_that_does_not_move_is_a_whole_mib_only_at_first(abi: Abi) -> None:
    """Sizes as strace showed them of a program that had mapped a page where its heap ended."""
    heap = new_heap(0x0838D000, abi)
    heap.malloc(100)
    heap.mem.broken = True  # type: ignore[attr-defined]
    for _ in range(12):
        heap.malloc(120_000)
    assert sorted(heap.mem.maps.values()) == [253952, 253952, 1048576]  # type: ignore[attr-defined]


def _break(heap: Malloc, calls: str) -> None:
    """Calls of a recorded program: `m SLOT SIZE` …; `p SLOT OFFSET VALUE` stores a word, `P SLOT OFFSET OTHER DELTA`
    the address of another slot, `M` one that is mangled as links are; `g` and `R` free and realloc SLOT + OFFSET."""
    slots: dict[int, int] = {}
    for call in calls.split("; "):
        op, *words = call.split()
        slot, a, b, c = [*map(int, words), 0, 0, 0][:4]
        mem = slots.get(slot, 0)
        at = mem + a & heap.low
        match op:
            case "m":
                slots[slot] = heap.malloc(a)
            case "c":
                slots[slot] = heap.calloc(a, b)
            case "A":
                slots[slot] = heap.memalign(a, b)
            case "r":
                slots[slot] = heap.realloc(mem, a)
            case "R":
                heap.realloc(at, b)
            case "f":
                heap.free(mem)
            case "g":
                heap.free(at)
            case "p":
                heap.st(at, b & heap.low)
            case _:
                other = slots.get(b, 0) + c & heap.low
                heap.st(at, other ^ at >> 12 if op == "M" else other)


@pytest.mark.parametrize("abi", [Abi32, Abi64], ids=["32", "64"])
def test_recorded_crimes(abi: Abi) -> None:
    """Which of its complaints comes first, as C programs that broke their heaps heard it of glibc 2.36."""
    file = Path(__file__).parent / "traces" / f"crimes-{8 * abi.word}.txt"
    recorded = file.read_text(encoding="ascii").splitlines()
    heard = []
    for line in recorded:
        calls = line.split(" = ")[0]
        with pytest.raises(Abort) as caught:
            _break(new_heap(0x5667E000, abi), calls)
        heard.append(f"{calls} = {caught.value.message}")
    assert heard == recorded
