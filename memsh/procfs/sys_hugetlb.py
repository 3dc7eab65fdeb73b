"""/sys/kernel/mm/hugepages and its like in each node's directory: the pools of huge pages (mm/hugetlb.c)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.include.errno import KernelError
from memsh.linux.lib.cmdline import memparse
from memsh.linux.mm.hugetlb.pool import demote_pool_huge_page, memory_nodes, put_nr_hugepages
from memsh.procfs.node import Directory, ProcFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from memsh.linux.box import Box
    from memsh.linux.mm.hugetlb.hstate import Hstate
    from memsh.procfs.node import Node

ULONG_MAX = (1 << 64) - 1


def kstrtoul(text: str) -> int:
    """EINVAL, ERANGE (kstrtoul with base 10)."""
    digits = text.removesuffix("\n").removeprefix("+")
    if not is_digits(digits):
        raise KernelError("EINVAL", f"{text.strip()!r} is not a number")
    if int(digits) > ULONG_MAX:
        raise KernelError("ERANGE")
    return int(digits)


def _pool(order: int, box: Box) -> Hstate:
    return box.hugetlb.states[order]


def _show(order: int, figure: Callable[[Hstate], int], box: Box) -> str:
    return f"{figure(_pool(order, box))}\n"


def _nr(order: int, nid: int | None, *, obey: bool) -> ProcFile:
    def store(box: Box, text: str) -> None:
        put_nr_hugepages(box, _pool(order, box), kstrtoul(text), nid, obey=obey)

    return ProcFile(partial(_show, order, lambda h: h.nr_huge_pages if nid is None else h.nr_node[nid]), store, 0o644)


def _overcommit(order: int) -> ProcFile:
    def store(box: Box, text: str) -> None:
        h = _pool(order, box)
        if h.gigantic:
            raise KernelError("EINVAL", "huge pages of this size are never surplus")
        h.nr_overcommit = kstrtoul(text)

    return ProcFile(partial(_show, order, lambda h: h.nr_overcommit), store, 0o644)


def _demote(order: int, nid: int | None) -> ProcFile:
    def store(box: Box, text: str) -> None:
        h, wanted = _pool(order, box), kstrtoul(text)
        nodes = memory_nodes(box) if nid is None else (nid,)
        while wanted:
            free = sum(len(h.free[node]) for node in nodes) if nid is not None else h.nr_free
            if free <= h.resv or not demote_pool_huge_page(box, h, nodes):
                break
            wanted -= 1

    return ProcFile(None, store, 0o200)


def _demote_size(order: int) -> ProcFile:
    def store(box: Box, text: str) -> None:
        h, size = _pool(order, box), memparse(text)[0]
        smaller = next((other.order for other in box.hugetlb.states.values() if other.size == size), None)
        if smaller is None or not smaller < h.order:
            raise KernelError("EINVAL", "no smaller size of huge pages")
        h.demote_order = smaller

    return ProcFile(lambda box: f"{4 << _pool(order, box).demote_order}kB\n", store, 0o644)


def _files(order: int, box: Box) -> dict[str, Node]:
    files: dict[str, Node] = {
        "free_hugepages": ProcFile(partial(_show, order, lambda h: h.nr_free)),
        "nr_hugepages": _nr(order, None, obey=False),
        "nr_hugepages_mempolicy": _nr(order, None, obey=True),
        "nr_overcommit_hugepages": _overcommit(order),
        "resv_hugepages": ProcFile(partial(_show, order, lambda h: h.resv)),
        "surplus_hugepages": ProcFile(partial(_show, order, lambda h: h.surplus)),
    }
    if _pool(order, box).demote_order:
        files |= {"demote": _demote(order, None), "demote_size": _demote_size(order)}
    return files


def _node_files(nid: int, order: int, box: Box) -> dict[str, Node]:
    files: dict[str, Node] = {
        "free_hugepages": ProcFile(partial(_show, order, lambda h: len(h.free[nid]))),
        "nr_hugepages": _nr(order, nid, obey=False),
        "surplus_hugepages": ProcFile(partial(_show, order, lambda h: h.surplus_node[nid])),
    }
    if _pool(order, box).demote_order:
        files |= {"demote": _demote(order, nid), "demote_size": _demote_size(order)}
    return files


def _pools(files: Callable[[int, Box], dict[str, Node]]) -> Directory:
    """A directory for each size."""

    def names(box: Box) -> list[str]:
        return sorted(h.name for h in box.hugetlb.states.values())

    def find(box: Box, name: str) -> Node | None:
        h = box.hugetlb.named(name)
        return Directory(files(h.order, box), 0o755) if h is not None else None

    return Directory({}, 0o755, names=names, find=find)


HUGEPAGES = _pools(_files)


def node_pools(nid: int) -> Directory:
    """hugepages in a node's directory."""
    return _pools(partial(_node_files, nid))
