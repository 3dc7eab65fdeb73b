"""Figures that other kernels' /proc files have: other machines, other versions, other options. One `name|meaning` a
line; the rest are rules for names that carry a zone's or a policy's name."""

from __future__ import annotations

import re

MEMINFO = """
AnonHugePages|huge pages of anonymous memory (THP)
ShmemHugePages|huge pages of tmpfs
ShmemPmdMapped|of these, mapped as huge pages
FileHugePages|huge pages of the page cache
FilePmdMapped|of these, mapped as huge pages
CmaTotal|contiguous memory (CMA): movable pages may lie in it until a device wants it
CmaFree|of it, free
HugePages_Total|the pool of huge pages (hugetlb), in huge pages of the default size
HugePages_Free|of them, free
HugePages_Rsvd|of them, promised but not yet taken
HugePages_Surp|of them, above the pool's size (overcommitted)
Hugepagesize|the default size of a huge page
Hugetlb|all pools of huge pages together
DirectMap2M|the kernel's direct map in pages of 2 MB
DirectMap1G|the same in pages of 1 GB
HardwareCorrupted|pages given up for hardware errors
Zswap|memory of the compressed swap cache
Zswapped|what it holds, as it was before it was compressed
Unaccepted|memory that the hypervisor has not handed over yet
Balloon|memory given back to the hypervisor
FileHugePages|huge pages of the page cache
Quicklists|page tables kept for reuse
EFI_Memory|memory of the firmware
MmapCopy|memory of mappings without an MMU
MemShared|shared pages
BigTotal|memory above the kernel's own
BigFree|of it, free
"""

VMSTAT = """
numa_hit|pages that came from the node that was wanted
numa_miss|pages that came from this node though another was wanted
numa_foreign|pages wanted from this node that came from another
numa_interleave|pages of an interleaving policy that came from the node that was wanted
interleave_hit|pages of an interleaving policy that came from the node that was wanted
numa_local|pages for a process that ran on their node
local_node|pages for a process that ran on their node
numa_other|pages for a process that ran on another node
other_node|pages for a process that ran on another node
numa_pte_updates|pages marked to find out who uses them (NUMA balancing)
numa_huge_pte_updates|huge pages marked so
numa_hint_faults|faults on pages marked so
numa_hint_faults_local|of these, those from the page's own node
numa_pages_migrated|pages moved to the node that uses them
pgpromote_success|pages moved from slower memory to faster
pgpromote_candidate|pages that could be moved so
pgdemote_khugepaged|pages that khugepaged moved to slower memory
thp_fault_alloc|faults that got a huge page
thp_fault_fallback|faults that got no huge page though they could have
thp_fault_fallback_charge|of these, those that a memory cgroup refused
thp_collapse_alloc|huge pages that khugepaged made out of small ones
thp_collapse_alloc_failed|times that it found no huge page
thp_file_alloc|huge pages of files
thp_file_fallback|files that got no huge page though they could have
thp_file_fallback_charge|of these, those that a memory cgroup refused
thp_file_mapped|huge pages of files that were mapped
thp_split_page|huge pages split into small ones
thp_split_page_failed|huge pages that could not be split
thp_deferred_split_page|huge pages that wait to be split since part of them is unused
thp_split_pmd|mappings of huge pages that were split
thp_split_pud|mappings of 1 GiB pages that were split
thp_scan_exceed_none_pte|stretches that khugepaged left: too many pages not there
thp_scan_exceed_swap_pte|stretches that it left: too many pages in swap
thp_scan_exceed_share_pte|stretches that it left: too many shared pages
thp_zero_page_alloc|huge zero pages made
thp_zero_page_alloc_failed|times that none could be made
thp_swpout|huge pages swapped out whole
thp_swpout_fallback|huge pages split to be swapped out
htlb_buddy_alloc_success|huge pages for the pool taken from the buddy system
htlb_buddy_alloc_fail|times that none could be taken
cma_alloc_success|contiguous areas given to devices
cma_alloc_fail|times that none could be given
balloon_inflate|pages given back to the hypervisor
balloon_deflate|pages that came back from it
balloon_migrate|such pages that were moved
zswpin|pages read from the compressed swap cache
zswpout|pages put into it
zswpwb|pages that it wrote to swap
ksm_swpin_copy|merged pages copied when they came back from swap
cow_ksm|merged pages copied since they were written
swap_ra|pages read ahead from swap
nr_zspages|pages of the compressed store
nr_isolated|pages taken off the lists just now
nr_iommu_pages|page tables of devices
nr_unaccepted|memory that the hypervisor has not handed over yet
nr_free_pages_blocks|free pages in whole free pageblocks
nr_memmap_pages|pages of the memory map
nr_memmap_boot_pages|of these, those made at boot
nr_pages_scanned|pages that reclaim has looked at since the last one that it freed
nr_vmscan_write_skip|pages that reclaim did not write
nr_pagetable|page tables
nr_slab|pages of slab caches
pgrefill_movable|pages looked at on the active lists
zone_reclaim_failed|runs of reclaim on one node that freed too little
zone_reclaim_success|runs of reclaim on one node that freed enough
zone_reclaim_failed|runs of reclaim on one node that freed too little
drop_pagecache|writes to drop_caches that dropped the page cache
nr_tlb_remote_flush|flushes of other CPUs' TLBs
nr_tlb_remote_flush_received|such flushes that this CPU did
nr_tlb_local_flush_all|flushes of all of a TLB
nr_tlb_local_flush_one|flushes of one entry
vma_lock_success|faults that needed no lock on the whole address space
vma_lock_abort|faults that had to take it after all
vma_lock_retry|faults that were tried again with it
vma_lock_miss|faults that found their area changed
direct_map_level1_splits|large pages of the kernel's direct map that were split
direct_map_level1_collapses|such pages that were joined again
direct_map_level2_collapses|large pages of it that were joined again
direct_map_level3_collapses|1 GiB pages of it that were joined again
nr_balloon_pages|pages given back to the hypervisor
nr_hugetlb|pages of the pool of huge pages
nr_kernel_file_pages|page cache that belongs to the kernel
pgdemote_proactive|pages moved to slower memory on request
pgpromote_candidate_nrl|pages that could be moved to faster memory without a limit
swpin_zero|pages of zeros read back from swap without a disk
swpout_zero|pages of zeros noted in swap without a disk
thp_underused_split_page|huge pages split since hardly any of them was used
high_min|the least that the per-CPU lists' limit can be
high_max|the most that it can be
promo|watermark: below it pages are not moved to faster memory
"""

_RULES = (
    (re.compile(r"pgalloc_(\w+)$"), "pages handed out from zone {0}"),
    (re.compile(r"allocstall_(\w+)$"), "direct reclaims for requests that may use zone {0}"),
    (re.compile(r"pgskip_(\w+)$"), "pages that reclaim passed over since they lie in zone {0}, not asked for"),
    (re.compile(r"(?:pgsteal|pgscan|pgrefill)_(?:kswapd_|direct_)?(dma32|dma|normal|high|movable|device)$"),
     "pages of zone {0} that reclaim looked at or freed"),
    (re.compile(r"pg(?:scan|steal)_(khugepaged|proactive)$"), "pages looked at or freed for {0}"),
    (re.compile(r"pgdemote_(\w+)$"), "pages moved to slower memory by {0}"),
)  # fmt: skip


def by_rule(name: str) -> str:
    """The meaning of a name that carries a zone's; "" if no rule fits."""
    for pattern, meaning in _RULES:
        match = pattern.match(name)
        if match:
            word = match[1]
            zone = {"dma": "DMA", "dma32": "DMA32", "normal": "Normal", "high": "HighMem", "movable": "Movable"}
            return meaning.format(zone.get(word, word))
    return ""
