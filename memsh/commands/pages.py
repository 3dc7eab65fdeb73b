"""Pages of the current process: which frames a range has, and a mark written into each."""

from __future__ import annotations

from collections.abc import Iterator

from memsh.commands.acting import Notes, act
from memsh.commands.usermem import ADDR, LENGTH, SOME, TOPIC
from memsh.libc.process import UserProcess
from memsh.linux.box import Box
from memsh.linux.include.mm_types import MmStruct
from memsh.procfs.pid_pagemap import PM_PRESENT, PM_SWAP, mapped_ranges, pagemap_entry
from memsh.shell import command
from memsh.shell.io import IO
from memsh.shell.registry import Args

PFN_MASK = (1 << 55) - 1
WORD = 0x9E3779B97F4A7C15  # an odd number whose multiples differ: a word for each page


def _entries(box: Box, mm: MmStruct, addr: int, length: int) -> Iterator[tuple[int, int]]:
    """(pagemap entry, pages) from the range's start to its end: 0 for all the pages that no table covers."""
    at, end = addr >> 12, addr + max(length, 1) + 4095 >> 12
    for pages in mapped_ranges(mm, addr, end << 12):
        if pages.start > at:
            yield 0, pages.start - at
        for page in pages:
            yield pagemap_entry(box, box.current, page << 12), 1
        at = pages.stop
    if at < end:
        yield 0, end - at


def frame_runs_text(box: Box, mm: MmStruct, addr: int, length: int) -> str:
    """`1f43+4 -+12 swap:5d+2`: runs of consecutive frames in hexadecimal, absent pages, consecutive swap slots."""
    runs: list[tuple[str, int, int]] = []  # kind, first frame or slot, how many
    for entry, pages in _entries(box, mm, addr, length):
        if entry & PM_PRESENT:
            kind, first = "", entry & PFN_MASK
        elif entry & PM_SWAP:
            kind, first = "swap:", (entry & PFN_MASK) >> 5
        else:
            kind, first = "-", 0
        if runs and runs[-1][0] == kind and (kind == "-" or runs[-1][1] + runs[-1][2] == first):
            runs[-1] = (kind, runs[-1][1], runs[-1][2] + pages)
        else:
            runs.append((kind, first, pages))
    return " ".join(f"{kind}{'' if kind == '-' else f'{first:x}'}+{count}" for kind, first, count in runs)


@command(ADDR, SOME, topic=TOPIC)
def frames(box: Box, args: Args, io: IO) -> int:
    """the page frames that a range has, in runs

    p=$(mmap 64k); write $p 16k; frames $p 64k

    `1f43+4` is four frames from 0x1f43 on, `-+12` twelve pages without one, `swap:5d+2` two pages in the swap slots
    from 0x5d on. Nothing is touched.
    """

    def operation(user: UserProcess, notes: Notes) -> None:
        with io.looking():
            text = frame_runs_text(box, user.mm, args.addr, args.length)
        io.out(text + "\n")

    return act(box, io, operation)


@command(ADDR, LENGTH, topic=TOPIC)
def fill(box: Box, args: Args, io: IO) -> int:
    """write a different word into each page of a range

    p=$(mmap 64k); fill $p 64k; hexdump $p+4k 8

    So no two pages hold the same.
    """
    word = box.arch.word

    def operation(user: UserProcess, notes: Notes) -> None:
        for at in range(0, args.length - word + 1, 4096):
            if not at & 0xFFFFF:
                io.check()
            mark = (at >> 3) * WORD % (1 << 8 * word)
            user.write(args.addr + at, mark.to_bytes(word, "little"))

    return act(box, io, operation)
