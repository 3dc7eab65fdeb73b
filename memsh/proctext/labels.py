"""Files of `Label: value` or `name value` lines: meminfo, vmstat, status, smaps_rollup, a node's meminfo, numastat."""

from __future__ import annotations

import re

from memsh.digits import is_digits

_MEMINFO = re.compile(
    r"^[ \t]*(?:Node\s+\d+\s+)?"
    r"([A-Z][A-Za-z]*(?:_[A-Za-z]+)*\d*[kM]?(?:\([a-z]+\))?):[ \t]+(\d+)(?:[ \t]+kB)?[ \t]*$",
    re.MULTILINE,
)
_VMSTAT = re.compile(r"^[ \t]*([a-z][a-z0-9_]+)[ \t]+(\d+)[ \t]*$", re.MULTILINE)

_COMMON = {"nr_mapped", "pgfault", "pgmajfault", "pswpin", "pswpout", "pgpgin", "pgpgout", "nr_dirty", "nr_writeback"}


def pairs(text: str, separator: str | None = None) -> dict[str, int]:
    """`name value` or `name: value` lines as numbers; lines without a number are left out."""
    found: dict[str, int] = {}
    for line in text.splitlines():
        name, _, rest = line.partition(separator) if separator else line.partition(" ")
        words = rest.split()
        if words and is_digits(words[0]):
            found[name] = int(words[0])
    return found


def meminfo(text: str) -> dict[str, int]:
    """Label → kB (counts without unit as they are) of a meminfo among other text; empty without MemTotal or MemFree."""
    start = re.search(r"^[ \t]*Mem(?:Total|Free):\s+\d+", text, re.MULTILINE)
    if not start:
        return {}
    found: dict[str, int] = {}
    for line in text[start.start() :].splitlines():
        match = _MEMINFO.match(line)
        if match and match[1] not in found:
            found[match[1]] = int(match[2])
        elif line.strip():
            break
    return found


def vmstat(text: str) -> dict[str, int]:
    """Name → count of a /proc/vmstat among other text; empty without nr_free_pages and its like."""
    found = {match[1]: int(match[2]) for match in _VMSTAT.finditer(text)}
    return found if "nr_free_pages" in found or "pgalloc_normal" in found or len(found.keys() & _COMMON) > 2 else {}


def status(text: str) -> dict[str, str]:
    """Label → value of a /proc/PID/status."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        label, colon, value = line.partition(":")
        if colon and re.fullmatch(r"[A-Za-z_]\w*", label.strip()):
            found.setdefault(label.strip(), value.strip())
    return found


def kb(value: str) -> int:
    """`12 kB` as a number; 0 if it is none."""
    words = value.split()
    return int(words[0]) if words and is_digits(words[0]) else 0
