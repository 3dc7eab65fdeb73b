"""Everything that a text tells of a machine's memory, whatever it is: reports, /proc files, screens of tools."""

from __future__ import annotations

import re
from typing import NamedTuple

from memsh.proctext import buddyinfo, labels, maps, oomreport, screens, slabinfo, swaps, zoneinfo
from memsh.proctext.lines import clean

KNOWN = (
    "OOM reports, page allocation failures, SysRq-m, buddyinfo, zoneinfo, pagetypeinfo, meminfo, slabinfo, vmstat, "
    "smaps, maps, status, and the screens of free, slabtop and numastat"
)


class Findings(NamedTuple):
    """What was found. Lists and tables are empty, the rest None, where the text tells nothing of the kind."""

    reports: list[oomreport.Report]
    meminfo: dict[str, int]
    buddyinfo: list[buddyinfo.Free]
    zoneinfo: list[zoneinfo.Zone]
    pagetypes: buddyinfo.PageTypes | None
    vmstat: dict[str, int]
    slabinfo: list[slabinfo.Cache]
    slabtop: list[screens.SlabLine]
    free: screens.Free | None
    numastat: screens.NumaStat | None
    areas: list[maps.Area]
    status: dict[str, str]
    swaps: list[swaps.Area]
    page_size: int | None
    refused: str | None
    """What a program says it was refused for want of memory: `fork`, `malloc`, … beside "Cannot allocate memory"."""
    overcommit: int | None
    """vm.overcommit_memory, where the text tells it."""

    @property
    def names(self) -> list[str]:
        """The kinds that were found."""
        kinds = {
            "oom": "OOM report",
            "memcg": "memory cgroup OOM report",
            "failure": "page allocation failure",
            "stall": "page allocation stall",
            "slab": "slab allocation failure",
            "sysrq": "SysRq-m",
            "memory": "Mem-Info",
            "killed": "killed process",
            "vmalloc": "vmalloc failure",
            "cma": "CMA failure",
        }
        found = [kinds[report.kind] for report in self.reports]
        found += [
            name
            for name in (
                "meminfo",
                "buddyinfo",
                "zoneinfo",
                "pagetypes",
                "vmstat",
                "slabinfo",
                "slabtop",
                "free",
                "numastat",
                "status",
                "swaps",
            )
            if getattr(self, name)
        ]
        if self.areas:
            found.append("smaps" if any(area.kb for area in self.areas) else "maps")
        return [name.replace("pagetypes", "pagetypeinfo") for name in dict.fromkeys(found)]


_REFUSED = re.compile(
    r"\b(fork|clone|vfork|posix_spawn|malloc|calloc|realloc|mmap|mremap|brk)\b[^\n]{0,120}?"
    r"(?:Cannot allocate memory|ENOMEM|errno[= ]*12\b)"
    r"|(?:Cannot allocate memory|ENOMEM)[^\n]{0,80}?\b(?P<after>fork|clone|malloc|mmap)\b",
    re.IGNORECASE,
)
_NO_MEMORY = ("cannot allocate memory", "enomem", "errno")
_OVERCOMMIT = re.compile(r"overcommit_memory\s*[=:]?\s*\n?\s*([012])\b")
_ZONE_BLOCK = re.compile(r"^[ \t]*Node\s+\d+,\s*zone\s+\w+[ \t]*\n(?:[ \t]+[^\n]*(?:\n|$))*", re.MULTILINE)


def find(text: str) -> Findings:
    """All that a text tells, prefixes and prompts or not."""
    body = clean(text).text
    outside = _ZONE_BLOCK.sub("", body)
    types = buddyinfo.pagetypes(body)
    free_rows = buddyinfo.rows(body)
    if types is not None:
        blocks = [(one.node, one.zone, list(one.counts.values())) for one in types.blocks]
        free_rows = [row for row in free_rows if (row.node, row.zone, row.counts) not in blocks]
    status = re.search(r"^[ \t]*Name:[ \t]+\S.*\n(?:[ \t]*\w+:.*\n?){3,}", body, re.MULTILINE)
    reports = oomreport.parse(body)
    sizes = {report.memory.page_size for report in reports if report.memory and report.memory.page_size}
    areas = maps.parse(body)
    lower = body.lower()
    refused = _REFUSED.search(body) if any(word in lower for word in _NO_MEMORY) else None
    overcommit = _OVERCOMMIT.search(body)
    kernel_pages = {area.kb["KernelPageSize"] << 10 for area in areas if "KernelPageSize" in area.kb}
    return Findings(
        reports,
        labels.meminfo(outside),
        free_rows,
        zoneinfo.parse(body),
        types,
        labels.vmstat(outside),
        slabinfo.parse(body),
        screens.slabtop(body),
        screens.free(body),
        screens.numastat(body),
        areas,
        labels.status(status[0]) if status else {},
        swaps.parse(body),
        min(sizes) if sizes else min(kernel_pages) if kernel_pages else None,
        (refused[1] or refused["after"]).lower() if refused else None,
        int(overcommit[1]) if overcommit else None,
    )
