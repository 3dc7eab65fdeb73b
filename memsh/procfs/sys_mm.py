"""/sys/kernel/mm: transparent_hugepage, its knobs, and khugepaged's (mm/huge_memory.c, mm/khugepaged.c).

Only a kernel with huge pages has it. No known deviations.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.lib.kstrtox import kstrtoull_decimal
from memsh.linux.mm.huge_memory.huge import DEFRAG, ENABLED, HPAGE_PMD_NR, HPAGE_PMD_SIZE, SHMEM
from memsh.procfs.node import Directory, Node, ProcFile
from memsh.procfs.sys_hugetlb import HUGEPAGES

if TYPE_CHECKING:
    from memsh.linux.box import Box



def names(box: Box) -> Iterable[str]:
    """What /sys/kernel/mm has of it."""
    there = {"hugepages": box.hugetlb.available, "transparent_hugepage": box.thp.available}
    return [name for name, here in there.items() if here]


def find(box: Box, name: str) -> Node | None:
    if name == "hugepages" and box.hugetlb.available:
        return HUGEPAGES
    return THP if name == "transparent_hugepage" and box.thp.available else None


def _choice(field: str, words: tuple[str, ...]) -> ProcFile:
    """A knob that shows all its words, the one in force in brackets."""

    def show(box: Box) -> str:
        now = getattr(box.thp, field)
        return " ".join(f"[{word}]" if word == now else word for word in words) + "\n"

    def store(box: Box, text: str) -> None:
        word = text.removesuffix("\n")
        if word not in words:
            raise KernelError("EINVAL", f"one of {', '.join(words)}")
        if field == "shmem_enabled":
            box.thp.set_shmem_enabled(word)
            return
        setattr(box.thp, field, word)
        if field == "enabled":
            box.pages.set_recommended_min_free_kbytes(word != "never")

    return ProcFile(show, store, 0o644)


def _figure(field: str) -> Callable[[Box], str]:
    return lambda box: f"{int(getattr(box.thp.khugepaged, field))}\n"


def _flag(text: str) -> bool:
    """single_hugepage_flag_store(): 0 or 1."""
    value = kstrtoull_decimal(text)
    if value > 1:
        raise KernelError("EINVAL", "0 or 1")
    return bool(value)


def _number(field: str, least: int, most: int) -> ProcFile:
    def store(box: Box, text: str) -> None:
        try:
            value = kstrtoull_decimal(text, 32)
        except KernelError:
            raise KernelError("EINVAL", text.strip()) from None  # too large is no other word here
        if not least <= value <= most:
            raise KernelError("EINVAL", f"a number from {least} to {most}")
        setattr(box.thp.khugepaged, field, value)
        if field.endswith("sleep_millisecs") and box.thp.khugepaged is not None:
            box.thp.khugepaged.wake()
            box.thp.khugepaged.yielded()

    return ProcFile(_figure(field), store, 0o644)


def _show_zero(box: Box) -> str:
    return f"{int(box.thp.use_zero_page)}\n"


def _store_zero(box: Box, text: str) -> None:
    box.thp.use_zero_page = _flag(text)


def _store_khugepaged_defrag(box: Box, text: str) -> None:
    setattr(box.thp.khugepaged, "defrag", int(_flag(text)))  # noqa: B010 — as _number() does


THP = Directory({
    "defrag": _choice("defrag", DEFRAG),
    "enabled": _choice("enabled", ENABLED),
    "hpage_pmd_size": ProcFile(lambda box: f"{HPAGE_PMD_SIZE}\n"),
    "khugepaged": Directory({
        "alloc_sleep_millisecs": _number("alloc_sleep_millisecs", 0, UINT_MAX),
        "defrag": ProcFile(_figure("defrag"), _store_khugepaged_defrag, 0o644),
        "full_scans": ProcFile(_figure("full_scans")),
        "max_ptes_none": _number("max_ptes_none", 0, HPAGE_PMD_NR - 1),
        "max_ptes_shared": _number("max_ptes_shared", 0, HPAGE_PMD_NR - 1),
        "max_ptes_swap": _number("max_ptes_swap", 0, HPAGE_PMD_NR - 1),
        "pages_collapsed": ProcFile(_figure("pages_collapsed")),
        "pages_to_scan": _number("pages_to_scan", 1, UINT_MAX),
        "scan_sleep_millisecs": _number("scan_sleep_millisecs", 0, UINT_MAX),
    }, 0o755),
    "shmem_enabled": _choice("shmem_enabled", SHMEM),
    "use_zero_page": ProcFile(_show_zero, _store_zero, 0o644),
}, 0o755)  # fmt: skip
