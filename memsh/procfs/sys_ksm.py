"""/sys/kernel/mm/ksm: the knobs and counters of ksmd, who merges equal pages of areas that asked for it (mm/ksm.c).

No known deviations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.lib.kstrtox import kstrtobool, kstrtoint_decimal, kstrtoull_decimal
from memsh.linux.mm.ksm.ksmd import set_max_page_sharing, set_merge_across_nodes, set_run
from memsh.procfs.node import ProcFile

if TYPE_CHECKING:
    from memsh.linux.box import Box

COUNTS = ("full_scans", "pages_shared", "pages_sharing", "pages_unshared", "pages_volatile", "stable_node_chains",
          "stable_node_dups")  # fmt: skip


def _number(text: str) -> int:
    """A number of 32 bits; EINVAL whatever is wrong with it."""
    try:
        return kstrtoull_decimal(text, 32)
    except KernelError:
        raise KernelError("EINVAL") from None


def _within(value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise KernelError("EINVAL")
    return value


def _run(box: Box, text: str) -> None:
    """0 stops it, 1 lets it run, 2 takes apart what was merged."""
    set_run(box, _within(_number(text), 0, 2))


def _nodes(box: Box, text: str) -> None:
    set_merge_across_nodes(box, _within(kstrtoull_decimal(text), 0, 1))


def _sharing(box: Box, text: str) -> None:
    set_max_page_sharing(box, _within(kstrtoint_decimal(text), 2, 1 << 31))


def _sleep(box: Box, text: str) -> None:
    """ksmd wakes if that changes how long it sleeps."""
    ksm = box.ksm
    assert ksm is not None
    before, ksm.sleep_millisecs = ksm.sleep_millisecs, _number(text)
    if ksm.sleep_millisecs != before:
        ksm.ksmd.hasten()


def _sets(name: str, parse: Callable[[str], int]) -> Callable[[Box, str], None]:
    return lambda box, text: setattr(box.ksm, name, parse(text))


_STORES: dict[str, Callable[[Box, str], None]] = {
    "max_page_sharing": _sharing, "merge_across_nodes": _nodes, "run": _run, "sleep_millisecs": _sleep,
    **{name: _sets(name, _number) for name in ("pages_to_scan", "stable_node_chains_prune_millisecs")},
    "use_zero_pages": _sets("use_zero_pages", lambda text: int(kstrtobool(text))),
}  # fmt: skip


def _file(name: str, store: Callable[[Box, str], None] | None = None) -> ProcFile:
    def show(box: Box) -> str:
        return f"{getattr(box.ksm, name)}\n"

    def change(box: Box, text: str) -> None:
        assert store is not None
        box.changes += 1
        store(box, text)

    return ProcFile(show, change if store is not None else None, 0o644 if store is not None else 0o444, option="KSM")


FILES = {**{name: _file(name) for name in COUNTS}, **{name: _file(name, store) for name, store in _STORES.items()}}
