"""swaplabel: the label and UUID of a swap area (util-linux 2.38.1, disk-utils/swaplabel.c)."""

from __future__ import annotations

import os
import re

from memsh.commands.swaps import LABEL_AT, UUID_AT, has_signature, open_area
from memsh.commands.tools import parting
from memsh.linux.box import Box
from memsh.linux.include.errno import KernelError
from memsh.linux.include.mm_types import File
from memsh.linux.mm.swap.swapon import first_page
from memsh.procps.reader import Exit
from memsh.procps.utillinux import Opt, program
from memsh.shell.io import IO
from memsh.shell.registry import Args, command, rest

LONGEST = 15
UUID = re.compile("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
PROGRAM = program(
    "swaplabel", "[options] <device>", "Display or change the label or UUID of a swap area.",
    [Opt("L", "label", " <label>", "specify a new label"), Opt("U", "uuid", " <uuid>", "specify a new uuid")], 21,
)  # fmt: skip


@command(rest("words", raw=True, meta="[-L LABEL] [-U UUID] DEVICE", words="path"), topic="files", help_option=False)
def swaplabel(box: Box, args: Args, io: IO) -> int:
    """show or change the label and UUID of a swap area

    mkswap /dev/vda; swaplabel -L pages /dev/vda; swaplabel /dev/vda
    """
    operands: list[str] = []
    try:
        given = dict(PROGRAM.options(args.words, operands))
        if not operands:
            raise PROGRAM.fail("no device specified")
    except Exit as end:
        return parting(io, end)
    path = operands[0]
    try:
        file = open_area(box, io, path, writable=bool(given))
    except KernelError as error:
        why = "Invalid argument" if error.code == "EISDIR" else error.strerror
        io.complain(f"{path}: unable to probe device: {why}")
        return 1
    try:
        return _label(box, io, path, file, given)
    finally:
        box.fs.fput(file)


def _label(box: Box, io: IO, path: str, file: File, given: dict[str, str | None]) -> int:
    if file.inode.is_dir:
        io.complain(f"{path}: unable to probe device: Invalid argument")
        return 1
    if not has_signature(box, file):
        io.complain(f"{path}: not a valid swap partition")
        return 1
    if not given:
        page = first_page(box, file.inode)
        label, digits = page[LABEL_AT : LABEL_AT + 16].rstrip(b"\0"), page[UUID_AT : UUID_AT + 16].hex()
        io.out(f"LABEL: {os.fsdecode(label)}\n" if label else "")
        io.out(f"UUID:  {digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}\n")
        return 0
    uuid, name = given.get("U"), given.get("L")
    if uuid is not None:
        if UUID.fullmatch(uuid) is None:
            io.complain(f"failed to parse UUID: {uuid}")
            return 0
        box.fs.write(file, UUID_AT, bytes.fromhex(uuid.replace("-", "")))
    if name is not None:
        label = os.fsencode(name)
        if len(label) > LONGEST:
            label = label[:LONGEST]
            io.complain(f"label is too long. Truncating it to '{os.fsdecode(label)}'")
        box.fs.write(file, LABEL_AT, label.ljust(16, b"\0"))
    box.writeback.sync_inode(file.inode)
    return 0
