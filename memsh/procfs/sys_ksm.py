"""/sys/kernel/mm/ksm: the knobs of ksmd, who merges equal pages of areas that asked for it (mm/ksm.c).

**Known deviations:** no area can ask for it (MADV_MERGEABLE), so that ksmd finds nothing to scan.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.lib.kstrtox import kstrtoint_decimal, kstrtoull_decimal
from memsh.procfs.node import ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box

COUNTS = ("full_scans", "pages_shared", "pages_sharing", "pages_unshared", "pages_volatile", "stable_node_chains",
          "stable_node_dups")  # fmt: skip
_BOOLEANS = {"y": 1, "Y": 1, "1": 1, "n": 0, "N": 0, "0": 0, "on": 1, "of": 0}


def _number(text: str) -> int:
    """A number of 32 bits; EINVAL whatever is wrong with it."""
    try:
        return kstrtoull_decimal(text, 32)
    except KernelError:
        raise KernelError("EINVAL") from None


def _run(text: str) -> int:
    """0 stops it, 1 lets it run, 2 takes apart what was merged."""
    return _within(_number(text), 0, 2)


def _nodes(text: str) -> int:
    return _within(kstrtoull_decimal(text), 0, 1)


def _sharing(text: str) -> int:
    return _within(kstrtoint_decimal(text), 2, 1 << 31)


def _boolean(text: str) -> int:
    value = _BOOLEANS.get(text[:2].lower() if text[:1] in "oO" else text[:1])
    if value is None:
        raise KernelError("EINVAL")
    return value


def _within(value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise KernelError("EINVAL")
    return value


_KNOBS: dict[str, tuple[int, Callable[[str], int]]] = {
    "max_page_sharing": (256, _sharing), "merge_across_nodes": (1, _nodes), "pages_to_scan": (100, _number),
    "run": (0, _run), "sleep_millisecs": (20, _number), "stable_node_chains_prune_millisecs": (2000, _number),
    "use_zero_pages": (0, _boolean),
}  # fmt: skip


def _knob(name: str) -> ProcFile:
    default, parse = _KNOBS[name]

    def show(box: Box) -> str:
        return f"{box.vm.ksm.get(name, default)}\n"

    def store(box: Box, text: str) -> None:
        box.vm.ksm[name] = parse(text)
        box.changes += 1

    return ProcFile(show, store, 0o644, option="KSM")


FILES = {
    **{name: ProcFile(lambda box: "0\n", option="KSM") for name in COUNTS}, **{name: _knob(name) for name in _KNOBS},
}  # fmt: skip
