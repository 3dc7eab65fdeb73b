"""What SLAB and SLUB share: names and checks of caches, the kmalloc families, large kmalloc (mm/slab_common.c).

Known deviations: the warning of unexpected flags comes without the stack.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL, GFP_NAMES, PAGE_SHIFT, PAGE_SIZE
from memsh.linux.include.kern_levels import KERN_ERR, KERN_WARNING
from memsh.linux.include.memmap import K_KMALLOC
from memsh.linux.lib.dump_stack import dump_stack, print_tainted, warn_once, warn_slowpath
from memsh.linux.lib.gfptext import gfp_text
from memsh.linux.mm.page_alloc.nodestat import mod_node_page_state
from memsh.linux.mm.slab.api import KMALLOC_MAX_CACHE_SIZE, KMALLOC_MAX_SIZE, BootCaches, Cache, SlabAllocator
from memsh.linux.mm.vmscan.shrinker import drop_slab

if TYPE_CHECKING:
    from memsh.linux.box import Box

ZERO_SIZE_PTR = 16
# what of the caller's flags reaches the page allocator: GFP_CONSTRAINT_MASK | GFP_RECLAIM_MASK
SLAB_GFP = 0
for _name in ("__GFP_HARDWALL", "__GFP_THISNODE", "__GFP_RECLAIM", "__GFP_HIGH", "__GFP_IO", "__GFP_FS", "__GFP_NOWARN",
              "__GFP_RETRY_MAYFAIL", "__GFP_NOFAIL", "__GFP_NORETRY", "__GFP_MEMALLOC", "__GFP_NOMEMALLOC",
              "__GFP_ATOMIC"):  # fmt: skip
    SLAB_GFP |= GFP_NAMES[_name]
GFP_SLAB_BUG_MASK = GFP_NAMES["__GFP_DMA32"] | GFP_NAMES["__GFP_HIGHMEM"]
_MOVABLE = GFP_NAMES["__GFP_MOVABLE"]


def short_size(size: int) -> str:
    """`64`, `1k`, `8k`: how the names of kmalloc caches spell a size."""
    return f"{size >> 10}k" if size >= 1024 else str(size)


class SlabCommon(SlabAllocator[Cache]):
    """What does not depend on how a cache keeps its objects."""

    def __init__(self, box: Box, boot: BootCaches) -> None:
        super().__init__(box, boot)
        self.page_offset = box.arch.page_offset
        self.nomerge = box.config.parameter("slab_nomerge") is not None
        self.aliases.update(boot.aliases)
        box.hooks.setdefault("plain", []).append(self.plain_changed)
        box.hooks.setdefault("cpu", []).append(self.use_cpu)
        box.hooks.setdefault("drop_slab", []).append(self.drop_slab)

    @abstractmethod
    def slab_alloc(self, cache: Cache, gfp: int) -> int:
        """One object, without a word to the tracer."""

    @abstractmethod
    def slab_free(self, cache: Cache, addr: int) -> None:
        """Free one object, without a word to the tracer."""

    @abstractmethod
    def cache_of(self, addr: int) -> Cache | None:
        """The cache of the slab in whose frames the address lies (virt_to_cache)."""

    @abstractmethod
    def plain_changed(self) -> None:
        """`plain` went on or off: on gives back what the CPUs hold."""

    @abstractmethod
    def use_cpu(self) -> None:
        """What follows runs on the CPU that `box.pages.cpu` says."""

    # -- many at once ------------------------------------------------------------

    def kmem_cache_alloc_bulk(self, cache: Cache, gfp: int, count: int) -> list[int]:
        """Objects one by one; if memory ends, those are freed again."""
        self.changes += 1
        addrs: list[int] = []
        for _ in range(count):
            addr = self.slab_alloc(cache, gfp)
            if not addr:
                self.kmem_cache_free_bulk(cache, addrs)
                return []
            addrs.append(addr)
            if not len(addrs) & 0xFFF:
                self.box.cond_resched()
        return addrs

    def kmem_cache_free_bulk(self, cache: Cache, addrs: Sequence[int]) -> None:
        self.changes += 1
        for number, addr in enumerate(addrs):
            self.slab_free(cache, addr)
            if number & 0xFFF == 0xFFF:
                self.box.cond_resched()

    # -- creation ----------------------------------------------------------------

    def check_name_and_size(self, name: str, size: int, align: int, least: int) -> None:
        """EINVAL for what no cache can be, EEXIST for a name that is taken."""
        if not name or any(c.isspace() or not c.isprintable() for c in name):
            raise KernelError("EINVAL", "a cache's name has no blanks or control characters")
        if name in self.caches or name in self.aliases:
            raise KernelError("EEXIST")
        if size < least or size > KMALLOC_MAX_SIZE or align & (align - 1):
            raise KernelError("EINVAL", f"an object has {least} bytes to 4 MiB, an alignment is a power of two")

    def fix_flags(self, gfp: int, via: str = "grow") -> int:
        """The flags without those that no slab may have; the log tells of it (kmalloc_fix_flags)."""
        wrong = gfp & GFP_SLAB_BUG_MASK
        if wrong:
            gfp &= ~GFP_SLAB_BUG_MASK
            self.box.log.printk(f"Unexpected gfp: {wrong:#x} ({gfp_text(wrong)}). Fixing up to gfp: {gfp:#x} "
                                f"({gfp_text(gfp)}). Fix your code!", KERN_WARNING)  # fmt: skip
            dump_stack(self.box, "gfp", via)
        return gfp

    def need(self, addr: int) -> int:
        if not addr:
            raise KernelError("ENOMEM")
        return addr

    def objects_remain(self, name: str) -> KernelError:
        """kmem_cache_destroy() of a cache that is in use: the kernel complains, and the cache stays."""
        log = self.box.log
        log.printk(f"BUG {name} ({print_tainted(self.box)}): Objects remaining in {name} on __kmem_cache_shutdown()",
                   KERN_ERR)  # fmt: skip
        caller = self.box.arch.traces.via["destroy"][0]
        text = f"kmem_cache_destroy {name}: Slab cache still has objects when called from {caller}"
        warn_slowpath(self.box, "destroy", "destroy", text)
        return KernelError("EBUSY", "objects of the cache are in use")

    # -- kmalloc -----------------------------------------------------------------

    def kmalloc(self, size: int, gfp: int = GFP_KERNEL) -> int:
        if not size:
            return ZERO_SIZE_PTR
        if size > KMALLOC_MAX_CACHE_SIZE:
            return self._kmalloc_large(size, gfp)
        self.changes += 1
        cache = self.kmalloc_slab(size, gfp)
        addr = self.slab_alloc(cache, gfp)
        if self.trace.on:
            self.trace.emit("kmalloc", addr, size, cache.size, gfp)
        return addr

    def _kmalloc_large(self, size: int, gfp: int) -> int:
        """Whole pages, a power of two of them (__kmalloc_large_node)."""
        order = (size - 1 >> PAGE_SHIFT).bit_length()
        gfp = self.fix_flags(gfp, "grow_large") & ~_MOVABLE
        pfn = self.box.pages.alloc_pages(gfp | GFP_NAMES["__GFP_COMP"], order, K_KMALLOC)
        if not pfn:
            return 0
        mod_node_page_state(self.box, "nr_slab_unreclaimable", pfn, 1 << order)
        addr = (pfn << PAGE_SHIFT) + self.page_offset
        if self.trace.on:
            self.trace.emit("kmalloc", addr, size, PAGE_SIZE << order, gfp)
        return addr

    def _large(self, addr: int) -> int:
        """The first frame of the large block that begins at `addr`, 0 if none does."""
        pfn = (addr - self.page_offset) >> PAGE_SHIFT
        memmap = self.box.memmap
        if addr & (PAGE_SIZE - 1) or not 0 < pfn < memmap.frames:
            return 0
        return pfn if memmap.refcount[pfn] and memmap.kind[pfn] == K_KMALLOC else 0

    def bad_kfree(self, addr: int) -> str:
        if addr in (0, ZERO_SIZE_PTR) or (addr >= self.page_offset and self._large(addr)):
            return ""
        return self.bad_object(addr)

    def complain(self, addr: int) -> None:
        """kfree() of what is in no slab and no large block (free_large_kmalloc)."""
        pfn = (addr - self.page_offset) >> PAGE_SHIFT
        if self.object_at(addr) is None and 0 < pfn < self.box.memmap.frames and "kfree" not in self.box.log.warned:
            warn_once(self.box, "kfree", "kfree")
            self.box.log.printk(f"object pointer: 0x{addr:0{2 * self.box.arch.word}x}", KERN_WARNING)

    def kfree(self, addr: int) -> None:
        if addr in (0, ZERO_SIZE_PTR):
            return
        self.changes += 1
        if self.trace.on:
            self.trace.emit("kfree", addr)
        cache = self.cache_of(addr)
        if cache is not None:
            self.slab_free(cache, addr)
            return
        pfn = self._large(addr) if addr >= self.page_offset else 0
        if not pfn:
            self.complain(addr)
            raise KernelError("EINVAL", "kmalloc did not give that address")
        order = self.box.memmap.order[pfn]
        mod_node_page_state(self.box, "nr_slab_unreclaimable", pfn, -(1 << order))
        self.box.pages.free_pages(pfn, order)

    def ksize(self, addr: int) -> int:
        if addr in (0, ZERO_SIZE_PTR):
            return 0
        if self.bad_kfree(addr):
            raise KernelError("EINVAL", "kmalloc did not give that address")
        cache = self.cache_of(addr)
        return self.slab_ksize(cache) if cache is not None else PAGE_SIZE << self.box.memmap.order[self._large(addr)]

    def slab_ksize(self, cache: Cache) -> int:
        """Bytes of an object that may be used."""
        return cache.object_size

    # -- facts -------------------------------------------------------------------

    def bad_object(self, addr: int) -> str:
        found = self.object_at(addr)
        if found is None or addr != found.addr:
            return "no object of a slab begins there"
        return ""

    def dump_unreclaimable_slab(self) -> None:
        log = self.box.log
        log.printk("Unreclaimable slab info:")
        log.printk("Name                      Used          Total")
        for cache in reversed(list(self.caches.values())):
            if cache.reclaimable:
                continue
            info = self.slabinfo(cache)
            if info.num_objs:
                used, total = info.active_objs * cache.size // 1024, info.num_objs * cache.size // 1024
                log.printk(f"{cache.name:<17s} {used:10d}KB {total:10d}KB")

    def drop_slab(self) -> None:
        """drop_caches 2: every cache that can gives up what nobody uses (drop_slab in mm/vmscan.c)."""
        drop_slab(self.box)
