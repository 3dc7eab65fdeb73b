"""/proc/meminfo: memory by use (fs/proc/meminfo.c, arch/x86/mm/pat/set_memory.c for DirectMap)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.mm.mmap.vmalist import vm_commit_limit
from memsh.linux.mm.page_alloc.available import (
    nr_free_highpages,
    nr_free_pages,
    si_mem_available,
    totalhigh_pages,
    totalram_pages,
)

if TYPE_CHECKING:
    from memsh.linux.box import Box


HUGE = ("HugePages_Total", "HugePages_Free", "HugePages_Rsvd", "HugePages_Surp")  # pages, not kB


def show(box: Box) -> str:
    return "".join(
        f"{name + ':':<16s} {value:7d}\n" if name in HUGE else f"{name + ':':<16s}{value:8d} kB\n"
        for name, value in figures(box)
    )


def figures(box: Box) -> list[tuple[str, int]]:
    """(label, kB) in the order of the file; those of HUGE are counts of pages."""
    options = box.model.options
    stat = box.vmstat
    total, free = totalram_pages(box), nr_free_pages(box)
    high, highfree = totalhigh_pages(box), nr_free_highpages(box)
    buffers = nr_blockdev_pages(box)
    cached = max(0, stat["nr_file_pages"] - stat["nr_swapcached"] - buffers)
    active = stat["nr_active_anon"] + stat["nr_active_file"]
    inactive = stat["nr_inactive_anon"] + stat["nr_inactive_file"]
    mlocked = sum(zone.stat.get("nr_mlock", 0) for zone in box.pages.zones)
    slab = stat["nr_slab_reclaimable"] + stat["nr_slab_unreclaimable"]
    swap_total, swap_free = swap_pages(box)
    pages = [
        ("MemTotal", total), ("MemFree", free), ("MemAvailable", si_mem_available(box)), ("Buffers", buffers),
        ("Cached", cached), ("SwapCached", stat["nr_swapcached"]), ("Active", active), ("Inactive", inactive),
        ("Active(anon)", stat["nr_active_anon"]), ("Inactive(anon)", stat["nr_inactive_anon"]),
        ("Active(file)", stat["nr_active_file"]), ("Inactive(file)", stat["nr_inactive_file"]),
        ("Unevictable", stat["nr_unevictable"]), ("Mlocked", mlocked),
    ]  # fmt: skip
    if "HIGHMEM" in options:
        pages += [("HighTotal", high), ("HighFree", highfree), ("LowTotal", total - high),
                  ("LowFree", free - highfree)]  # fmt: skip
    pages += [("SwapTotal", swap_total), ("SwapFree", swap_free)]
    if "ZSWAP" in options:
        pages += [("Zswap", 0), ("Zswapped", 0)]
    pages += [
        ("Dirty", stat["nr_dirty"]),
        ("Writeback", stat["nr_writeback"]), ("AnonPages", stat["nr_anon_pages"]), ("Mapped", stat["nr_mapped"]),
        ("Shmem", stat["nr_shmem"]),
        ("KReclaimable", stat["nr_slab_reclaimable"] + stat["nr_kernel_misc_reclaimable"]), ("Slab", slab),
        ("SReclaimable", stat["nr_slab_reclaimable"]), ("SUnreclaim", stat["nr_slab_unreclaimable"]),
    ]  # fmt: skip
    out = [(name, value * 4) for name, value in pages]
    out.append(("KernelStack", stat["nr_kernel_stack"]))
    tail = [
        ("PageTables", stat["nr_page_table_pages"]), ("SecPageTables", stat["nr_sec_page_table_pages"]),
        ("NFS_Unstable", 0), ("Bounce", sum(zone.stat.get("nr_bounce", 0) for zone in box.pages.zones)),
        ("WritebackTmp", stat["nr_writeback_temp"]), ("CommitLimit", vm_commit_limit(box)),
        ("Committed_AS", max(0, box.vm.commit)),
    ]  # fmt: skip
    out.extend((name, value * 4) for name, value in tail)
    out.append(("VmallocTotal", box.machine.layout.vmalloc_total >> 10))
    out.append(("VmallocUsed", box.vmalloc.nr_pages * 4))
    out.append(("VmallocChunk", 0))
    out.append(("Percpu", pcpu_nr_pages(box) * 4))
    if "MEMORY_FAILURE" in options:
        out.append(("HardwareCorrupted", 0))
    if "TRANSPARENT_HUGEPAGE" in options:
        names = ("nr_anon_transparent_hugepages", "nr_shmem_hugepages", "nr_shmem_pmdmapped", "nr_file_hugepages",
                 "nr_file_pmdmapped")  # fmt: skip
        labels = ("AnonHugePages", "ShmemHugePages", "ShmemPmdMapped", "FileHugePages", "FilePmdMapped")
        out.extend((label, stat[name] * 4) for label, name in zip(labels, names, strict=True))
    if "HUGETLB_PAGE" in options:
        h = box.hugetlb.default
        out += zip(HUGE, (h.nr_huge_pages, h.nr_free, h.resv, h.surplus), strict=True)
        out += [("Hugepagesize", h.kb), ("Hugetlb", box.hugetlb.total_pages * 4)]
    return out + [(f"DirectMap{size}", kb) for size, kb in box.model.start.direct_map(box)]


def nr_blockdev_pages(box: Box) -> int:
    """Pages in the page caches of block devices, which is what Buffers counts."""
    return int(getattr(box.fs, "nr_blockdev_pages", 0)) if hasattr(box, "fs") else 0


def swap_pages(box: Box) -> tuple[int, int]:
    """(total, free) pages of swap."""
    swap = getattr(box, "swap", None)
    if swap is None:
        return 0, 0
    return int(swap.total_pages), int(swap.free_pages)


def pcpu_nr_pages(box: Box) -> int:
    """Pages of per-CPU memory: the first chunk's and those that were populated since, for every CPU that may be, and
    for each place of a CPU that there is not (pcpu_nr_units)."""
    return int(box.percpu_pages) * (box.machine.percpu_units or box.config.present)
