"""lsmem: the blocks of memory that can go offline, from /sys (util-linux 2.38.1, sys-utils/lsmem.c)."""

from __future__ import annotations

import re
from typing import NamedTuple

from memsh.procps import smartcols
from memsh.procps.reader import Frames, ProcReader
from memsh.procps.smartcols import Column, Row, Style
from memsh.procps.utillinux import Opt, human_size, program

MEMORY = "/sys/devices/system/memory"
COLUMNS = {
    one.name: one
    for one in (
        Column("RANGE", "start and end address of the memory range"),
        Column("SIZE", "size of the memory range", right=True, width=5),
        Column("STATE", "online status of the memory range", right=True),
        Column("REMOVABLE", "memory is removable", right=True, kind="b"),
        Column("BLOCK", "memory block number or blocks range", right=True),
        Column("NODE", "numa node of memory", right=True, kind="n"),
        Column("ZONES", "valid zones for the memory range", right=True),
    )
}
DEFAULT = ("RANGE", "SIZE", "STATE", "REMOVABLE", "BLOCK")
SPLITS = ("STATE", "REMOVABLE", "NODE", "ZONES")
ZONES = ("DMA", "DMA32", "Normal", "Highmem", "Movable", "Device", "None")
STATES = {"online": "online", "offline": "offline", "going-offline": "on->off"}
PROGRAM = program(
    "lsmem", "[options]", "List the ranges of available memory with their online status.",
    [Opt("J", "json", "", "use JSON output format"), Opt("P", "pairs", "", 'use key="value" output format'),
     Opt("a", "all", "", "list each individual memory block"),
     Opt("b", "bytes", "", "print SIZE in bytes rather than in human readable format"),
     Opt("n", "noheadings", "", "don't print headings"), Opt("o", "output", " <list>", "output columns"),
     Opt("", "output-all", "", "output all columns"), Opt("r", "raw", "", "use raw output format"),
     Opt("S", "split", " <list>", "split ranges by specified columns"),
     Opt("s", "sysroot", " <dir>", "use the specified directory as system root"),
     Opt("", "summary", "[=when]", "print summary information (never,always or only)")],
    22, section=1, tail=smartcols.listed(COLUMNS, 10), exclusive=("JPr", "Sa"),
)  # fmt: skip


class Block(NamedTuple):
    """Blocks side by side of which STATE, REMOVABLE, NODE and ZONES are alike as far as it counts."""

    first: int
    length: int
    state: str
    removable: str
    node: str
    zones: str


def block_numbers(reader: ProcReader, root: str = "") -> list[int]:
    """The blocks of memory; OSError if the kernel has none."""
    names = reader.listdir(root + MEMORY)
    return sorted(int(name[6:]) for name in names if re.fullmatch(r"memory[0-9]+", name))


def _text(reader: ProcReader, path: str) -> str:
    try:
        return reader.read(path).strip()
    except OSError:
        return ""


def _block(reader: ProcReader, root: str, number: int) -> Block:
    here = f"{root}{MEMORY}/memory{number}"
    state = STATES.get(_text(reader, f"{here}/state"), "?")
    nodes = [name[4:] for name in reader.listdir(here) if re.fullmatch(r"node[0-9]+", name)]
    known = {zone.lower(): zone for zone in ZONES}
    zones = "/".join(known.get(word.lower(), "Unknown") for word in _text(reader, f"{here}/valid_zones").split())
    removable = _text(reader, f"{here}/removable") or "0"
    return Block(number, 1, state, removable, nodes[-1] if nodes else "", zones)


def _merged(blocks: list[Block], splits: list[str]) -> list[Block]:
    found: list[Block] = []
    for block in blocks:
        last = found[-1] if found else None
        alike = last is not None and all(getattr(last, name.lower()) == getattr(block, name.lower()) for name in splits)
        if last is not None and alike and last.first + last.length == block.first:
            found[-1] = last._replace(length=last.length + 1)
        else:
            found.append(block)
    return found


def _row(block: Block, size: int, exact: bool) -> Row:
    first, length, last = block.first * size, block.length * size, block.first + block.length - 1
    return Row({
        "RANGE": f"0x{first:016x}-0x{first + length - 1:016x}", "SIZE": str(length) if exact else human_size(length),
        "STATE": block.state, "NODE": block.node, "ZONES": block.zones,
        "REMOVABLE": ("yes" if block.removable != "0" else "no") if block.state == "online" else "",
        "BLOCK": str(last) if block.length == 1 else f"{block.first}-{last}",
    })  # fmt: skip


def _summary(blocks: list[Block], size: int, exact: bool) -> str:
    online = sum(block.length for block in blocks if block.state == "online") * size
    total = sum(block.length for block in blocks) * size
    figures = ("Memory block size:", size), ("Total online memory:", online), ("Total offline memory:", total - online)
    return "".join(f"{label:<23} {figure:15d}\n" if exact else f"{label:<23} {human_size(figure):>5}\n"
                   for label, figure in figures)  # fmt: skip


def frames(reader: ProcReader, argv: list[str]) -> Frames:
    """What lsmem prints."""
    form, given, root, when = "", "", "", ""
    output: str | None = None
    split: str | None = None
    operands: list[str] = []
    for option, value in PROGRAM.options(argv, operands):
        if option in "JPr":
            form = option
        elif option == "s":
            root = (value or "").rstrip("/")
        elif option == "o":
            output = value
        elif option == "output-all":
            output = ",".join(COLUMNS)
        elif option == "S":
            split = value or ""
        elif option == "summary":
            when = (value or "only").removeprefix("=")
            if when not in ("never", "always", "only"):
                raise PROGRAM.die("unsupported --summary argument")
        else:
            given += option
    if operands:
        raise PROGRAM.fail("bad usage")
    if form and when == "only":
        raise PROGRAM.die("options --{raw,json,pairs} and --summary=only are mutually exclusive")
    try:
        numbers = block_numbers(reader, root)
        size = int(reader.read(f"{root}{MEMORY}/block_size_bytes"), 16)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "No such file or directory"
        raise PROGRAM.die(f"cannot open {root}{MEMORY}: {why}") from None
    columns = smartcols.chosen("lsmem", COLUMNS, ",".join(DEFAULT) if output is None else output, DEFAULT)
    if split is None:
        splits = [one.name for one in columns]
    else:
        splits = [] if split.lower() == "none" else [one.name for one in smartcols.chosen("lsmem", COLUMNS, split)]
    blocks = [_block(reader, root, number) for number in numbers]
    ranges = blocks if "a" in given else _merged(blocks, [name for name in SPLITS if name in splits])
    if when != "only":
        if "b" in given:
            columns = [one._replace(kind="n") if one.name == "SIZE" else one for one in columns]
        rows = [_row(block, size, "b" in given) for block in ranges]
        yield smartcols.text(columns, rows, Style(form, "n" not in given, "memory"))
    summed = when == "only" or (not form and when != "never")
    if summed:
        yield ("" if when == "only" else "\n") + _summary(blocks, size, "b" in given)
