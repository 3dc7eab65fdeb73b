"""vm.nr_hugepages and its kin: the default pool through /proc/sys/vm (mm/hugetlb.c: hugetlb_sysctl_handler)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.mm.hugetlb.pool import put_nr_hugepages

if TYPE_CHECKING:
    from memsh.linux.box import Box

NAMES = ("vm.hugetlb_optimize_vmemmap", "vm.nr_hugepages", "vm.nr_hugepages_mempolicy", "vm.nr_overcommit_hugepages")


def get(box: Box, name: str) -> str:
    h = box.hugetlb.default
    if name == "vm.hugetlb_optimize_vmemmap":
        return str(box.hugetlb.optimize_vmemmap)
    return str(h.nr_overcommit if name == "vm.nr_overcommit_hugepages" else h.max_huge_pages)


def put(box: Box, name: str, value: int) -> None:
    """EINVAL: no unsigned long, or no size that has surplus pages."""
    h = box.hugetlb.default
    if not 0 <= value < 1 << box.arch.bits:
        raise KernelError("EINVAL", f"{name} is an unsigned long")
    if name == "vm.nr_overcommit_hugepages" and h.gigantic:
        raise KernelError("EINVAL", "huge pages of this size are never surplus")
    if name == "vm.hugetlb_optimize_vmemmap":
        box.hugetlb.optimize_vmemmap = int(bool(value))
    elif name == "vm.nr_overcommit_hugepages":
        h.nr_overcommit = value
    else:
        put_nr_hugepages(box, h, value, None, obey=name == "vm.nr_hugepages_mempolicy")
