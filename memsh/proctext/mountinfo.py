"""/proc/PID/mountinfo (fs/proc_namespace.c: show_mountinfo): what is mounted where; and tables like /etc/fstab."""

from __future__ import annotations

import re
from typing import NamedTuple

from memsh.digits import is_digits


class Mount(NamedTuple):
    """One line. device: `254:16`; root: what of the file system is mounted; optional: `shared:1 …`."""

    id: int
    parent: int
    device: str
    root: str
    target: str
    options: str
    optional: str
    fstype: str
    source: str
    super_options: str
    freq: str = ""
    passno: str = ""


def _plain(word: str) -> str:
    r"""A blank stands as \040 there."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), word)


def parse(text: str) -> list[Mount]:
    """The lines that are whole."""
    found = []
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        first, second = left.split(" "), right.split(" ")
        if len(first) < 6 or len(second) < 3 or not is_digits(first[0]) or not is_digits(first[1]):
            continue
        found.append(Mount(int(first[0]), int(first[1]), first[2], _plain(first[3]), _plain(first[4]), first[5],
                           " ".join(first[6:]).strip(), second[0], _plain(second[1]), second[2]))  # fmt: skip
    return found


def parse_fstab(text: str) -> list[Mount]:
    """The lines of a table with source, target, type, options and, if they are there, the numbers of dump and fsck; a
    line of mountinfo is read as such."""
    found = []
    for line in text.splitlines():
        words = line.split()
        whole = parse(line)
        if whole:
            found += whole
        elif len(words) >= 3 and words[0][:1] != "#":
            options, freq, passno = [*words[3:6], *["rw", "0", "0"][len(words[3:6]) :]]
            found.append(Mount(0, 0, "0:0", "/", _plain(words[1]), options, "", words[2], _plain(words[0]), "", freq,
                               passno))  # fmt: skip
    return found
