"""chmem: what its words mean (util-linux 2.38.1, sys-utils/chmem.c)."""

from __future__ import annotations

from typing import NamedTuple

from memsh.digits import is_digits
from memsh.procps.lsmem import MEMORY
from memsh.procps.reader import ProcReader
from memsh.procps.utillinux import Opt, human_size, parse_number, parse_size, program

ZONES = ("DMA", "DMA32", "Normal", "Highmem", "Movable", "Device")
PROGRAM = program(
    "chmem", "[options] [SIZE|RANGE|BLOCKRANGE]", "Set a particular size or range of memory online or offline.",
    [Opt("e", "enable", "", "enable memory"), Opt("d", "disable", "", "disable memory"),
     Opt("b", "blocks", "", "use memory blocks"), Opt("z", "zone", " <name>", "select memory zone (see below)"),
     Opt("v", "verbose", "", "verbose output")],
    20, gap="", tail="\nSupported zones:\n" + "".join(f" {zone}\n" for zone in ZONES), exclusive=("de",),
)  # fmt: skip


class Wanted(NamedTuple):
    """enable, or disable; zone of ZONES or ""; `blocks` of them wherever they are, or else those from first to last."""

    enable: bool
    zone: str
    verbose: bool
    blocks: int | None
    first: int = 0
    last: int = 0


def wanted(reader: ProcReader, argv: list[str]) -> tuple[Wanted, int]:
    """What is asked for, and the bytes of a block."""
    try:
        size = int(reader.read(f"{MEMORY}/block_size_bytes"), 16)
    except (OSError, ValueError):
        raise PROGRAM.die(f"Failed to read {MEMORY}: No such file or directory") from None
    given, zone = "", ""
    operands: list[str] = []
    for option, value in PROGRAM.options(argv, operands):
        given += option
        zone = value or "" if option == "z" else zone
    if len(operands) != 1 or not ("d" in given or "e" in given):
        raise PROGRAM.fail("bad usage")
    count, first, last = _parameter(operands[0], size, "b" in given)
    if "z" in given:
        found = next((one for one in ZONES if one.lower() == zone.lower()), None)
        if found is None:
            raise PROGRAM.fail(f"unknown memory zone: {zone}")
        zone = found
    return Wanted("e" in given, zone, "v" in given, count, first, last), size


def _parameter(word: str, size: int, blocks: bool) -> tuple[int | None, int, int]:
    parts = [part for part in word.split("-") if part]
    aligned = f"be aligned to memory block size ({human_size(size)})"
    if len(parts) > 2 or not parts:
        raise PROGRAM.die(f"Invalid parameter: {word}")
    if blocks:
        what = ("block number",) if len(parts) == 1 else ("start", "end")
        numbers = [parse_number(PROGRAM, part, f"Failed to parse {kind}")
                   for kind, part in zip(what, parts, strict=True)]  # fmt: skip
        first, last = numbers[0], numbers[-1]
    elif len(parts) == 1:
        length = parse_size(PROGRAM, word, "Failed to parse size")
        if is_digits(parts[0][-1]):
            length <<= 20
        if length % size:
            raise PROGRAM.die(f"Size must {aligned}")
        return length // size, 0, 0
    else:
        for kind, part in zip(("start", "end"), parts, strict=True):
            if part[1:2] != "x":
                raise PROGRAM.die(f"Invalid {kind} address format: {part}")
        start, end = (parse_number(PROGRAM, part, f"Failed to parse {kind} address", base=16)
                      for kind, part in zip(("start", "end"), parts, strict=True))  # fmt: skip
        if start % size or (end + 1) % size:
            raise PROGRAM.die(f"Start address and (end address + 1) must {aligned}")
        first, last = start // size, end // size
    if first > last:
        raise PROGRAM.die(f"Invalid range: {word}")
    return None, first, last
