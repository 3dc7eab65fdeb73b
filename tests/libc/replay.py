"""Replay a trace of malloc calls (`reference/heap/*.in`) and answer it as the recordings do."""

from __future__ import annotations

from collections.abc import Iterator

from memsh.libc.malloc import Malloc


def answers(heap: Malloc, trace: str) -> Iterator[str]:
    """One line for each call that yields something, then the break and mallinfo2()."""
    slots: dict[str, int] = {}
    yield f"brk {heap.sbrk(0):#x}"
    for line in trace.splitlines():
        if not line:
            continue
        op, slot, word, *more = line.split()
        size = int(more[0] if op == "A" else word)
        if op == "f":
            heap.free(slots.pop(slot, 0))
            continue
        if op == "t":
            heap.malloc_trim(size)
            yield "t 0 (nil) 0"
            continue
        if op == "m":
            mem = heap.malloc(size)
        elif op == "c":
            mem = heap.calloc(1, size)
        elif op == "A":
            mem = heap.memalign(int(word), size)
        elif op == "a":
            mem = heap.memalign(int(more[0]) if more else 4096, size)
        else:
            mem = heap.realloc(slots.get(slot, 0), size)
        slots[slot] = mem
        yield f"{op} {slot} {mem:#x} {heap.malloc_usable_size(mem)}"
    yield f"brk {heap.sbrk(0):#x}"
    info = heap.mallinfo2()._asdict()
    del info["usmblks"]
    yield " ".join(f"{name} {value}" for name, value in info.items())
    yield "exit 0"
