"""NUMA policies of shared memory: they belong to the object, so that all who map it, or read and write the file, get
pages of it from where they say (mm/mempolicy.c: struct shared_policy; mm/shmem.c: shmem_set_policy, shmem_alloc_folio).

Known deviations: no mpol= of a mount; pages that come back from swap follow the process's policy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.memmap import K_SHMEM
from memsh.linux.mm.huge_memory.huge import HPAGE_PMD_NR, HPAGE_PMD_ORDER
from memsh.linux.mm.page_alloc.policy import alloc_hugepage_vma, alloc_pages_policy

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.mempolicy import Policy
    from memsh.linux.include.mm_types import Inode, VmArea


def sp_replace(inode: Inode, start: int, end: int, policy: Policy | None) -> None:
    """Pages [start, end) of the object get a policy, or none."""
    kept = []
    for first, last, old in inode.policies:
        if first < start:
            kept.append((first, min(last, start), old))
        if last > end:
            kept.append((max(first, end), last, old))
    if policy is not None:
        kept.append((start, end, policy))
    inode.policies = sorted(kept)


def mpol_shared_policy_lookup(inode: Inode, index: int) -> Policy | None:
    return next((policy for first, last, policy in inode.policies if first <= index < last), None)


def shmem_set_policy(vma: VmArea, policy: Policy | None) -> None:
    assert vma.file is not None
    sp_replace(vma.file.inode, vma.pgoff, vma.pgoff + (vma.end - vma.start >> 12), policy)


def shmem_get_policy(vma: VmArea, addr: int) -> Policy | None:
    assert vma.file is not None
    return mpol_shared_policy_lookup(vma.file.inode, vma.pgoff + (addr - vma.start >> 12))


def shmem_alloc_folio(box: Box, inode: Inode, index: int, gfp: int) -> int:
    """A page for one place of the object, 0 if there is none. Interleaved objects begin on different nodes."""
    policy = mpol_shared_policy_lookup(inode, index) or box.pages.policy
    if policy is None:
        return int(box.pages.alloc_pages(gfp, 0, K_SHMEM))
    return int(alloc_pages_policy(box.pages, policy, gfp, 0, K_SHMEM, index + inode.number))


def shmem_alloc_huge(box: Box, inode: Inode, index: int, gfp: int) -> int:
    """The same of 2 MiB."""
    if not box.arch.numa:
        return int(box.pages.alloc_pages(gfp, HPAGE_PMD_ORDER, K_SHMEM))
    policy = mpol_shared_policy_lookup(inode, index) or box.pages.policy
    place = (index + inode.number) // HPAGE_PMD_NR
    return int(alloc_hugepage_vma(box.pages, policy, gfp, HPAGE_PMD_ORDER, K_SHMEM, place))
