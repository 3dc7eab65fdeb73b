"""mountpoint: what its words mean, and what is mounted where (util-linux 2.38.1, sys-utils/mountpoint.c)."""

from __future__ import annotations

from typing import NamedTuple

from memsh.procps.reader import ProcReader
from memsh.procps.utillinux import Opt, program
from memsh.proctext.mountinfo import parse

PROGRAM = program(
    "mountpoint", "[-qd] /path/to/directory\n-x /dev/device", "Check whether a directory or file is a mountpoint.",
    [Opt("q", "quiet", "", "quiet mode - don't print anything"), Opt("", "nofollow", "", "do not follow symlink"),
     Opt("d", "fs-devno", "", "print maj:min device number of the filesystem"),
     Opt("x", "devno", "", "print maj:min device number of the block device")],
    20, section=1,
)  # fmt: skip


class Asked(NamedTuple):
    """quiet; number: print the file system's; device: print that of a block device; follow links."""

    path: str
    quiet: bool
    number: bool
    device: bool
    follow: bool


def asked(argv: list[str]) -> Asked:
    operands: list[str] = []
    given = [option for option, _ in PROGRAM.options(argv, operands)]
    if len(operands) != 1:
        raise PROGRAM.fail("bad usage")
    if "nofollow" in given and "x" in given:
        raise PROGRAM.die("--devno and --nofollow are mutually exclusive")
    return Asked(operands[0], "q" in given, "d" in given, "x" in given, "nofollow" not in given)


def mounted_at(reader: ProcReader, where: str) -> str | None:
    """The number of the file system that is mounted at an absolute path, `0:14`; None if none is."""
    found = [one for one in parse(reader.read("/proc/self/mountinfo")) if one.target == where]
    return found[-1].device if found else None
