"""Which of memsh's functions stands for which of Linux's and glibc's: the file there, and what it does in a sentence.

One table for `where FUNCTION` and for the call tree of `explain`. Keys are `module.function` below memsh/linux and
memsh/libc; a function that is not here is a helper of memsh's own and never shown.
"""

from __future__ import annotations

from typing import NamedTuple

from memsh.teach.functions_compaction import COMPACTION
from memsh.teach.functions_hugetlb import HUGETLB
from memsh.teach.functions_ksm import KSM
from memsh.teach.functions_reclaim import RECLAIM


class Function(NamedTuple):
    """`name` as in the source of Linux 6.1 (or glibc 2.36, files below malloc/), `file` its C file."""

    name: str
    file: str
    what: str


_TABLE = """\
buddy.alloc_pages|__alloc_pages|mm/page_alloc.c|takes a block of 2^order pages: the fast path, then the slow one
buddy.get_page_from_freelist|get_page_from_freelist|mm/page_alloc.c|walks down the zone list to the first zone above \
its watermark
buddy.rmqueue|rmqueue|mm/page_alloc.c|takes a block from one zone: from this CPU's list if the order is small, else \
from the free lists
buddy._rmqueue_buddy|rmqueue_buddy|mm/page_alloc.c|takes a block from the zone's free lists
buddy.free_pages|__free_pages|mm/page_alloc.c|drops a reference and frees the block with the last one
batches.free_page_list|free_unref_page_list|mm/page_alloc.c|frees many single pages at once
batches._free_each|free_unref_page_commit|mm/page_alloc.c|puts a page on a list of this CPU
batches.alloc_bulk|__alloc_pages_bulk|mm/page_alloc.c|takes many single pages at once (memsh: the faults of a run of \
pages)
buddy.drain_pages_zone|drain_pages_zone|mm/page_alloc.c|gives the pages of a CPU's lists back to one zone's free lists
buddy.drain_all_pages|drain_all_pages|mm/page_alloc.c|gives the pages of all CPUs' lists back to the free lists
watermark.zone_watermark_fast|zone_watermark_fast|mm/page_alloc.c|asks whether a zone may give a block: free pages \
against watermark and reserve
watermark.zone_watermark_ok|__zone_watermark_ok|mm/page_alloc.c|the whole watermark check, with the look for a block \
of the order
pcp.refill|rmqueue_bulk|mm/page_alloc.c|fills a CPU's empty list with a batch of blocks under one lock
pcp.free_bulk|free_pcppages_bulk|mm/page_alloc.c|moves pages from a CPU's lists to the free lists
pcp.nr_pcp_free|nr_pcp_free|mm/page_alloc.c|decides how many pages leave a CPU's lists
freearea.rmqueue_smallest|__rmqueue_smallest|mm/page_alloc.c|takes the smallest block that fits and splits off what \
is too much (expand)
freearea.take_run|__rmqueue|mm/page_alloc.c|takes blocks off the free lists, splitting larger ones (memsh: a batch in \
one go)
freearea.free_one_page|__free_one_page|mm/page_alloc.c|puts a block back and merges it with its free buddies
fallback.rmqueue|__rmqueue|mm/page_alloc.c|takes a block of the wanted migrate type, or falls back to another
fallback.rmqueue_fallback|__rmqueue_fallback|mm/page_alloc.c|finds the largest block of another migrate type and \
takes it over
fallback.steal_suitable_fallback|steal_suitable_fallback|mm/page_alloc.c|moves a free block, perhaps its whole page \
block, to another migrate type
fallback.move_freepages_block|move_freepages_block|mm/page_alloc.c|moves all free pages of a page block to another \
type's lists
fallback.boost_watermark|boost_watermark|mm/page_alloc.c|raises the watermarks for a while because memory is getting \
mixed up
fallback.reserve_highatomic_pageblock|reserve_highatomic_pageblock|mm/page_alloc.c|keeps a page block for later \
atomic requests
fallback.unreserve_highatomic_pageblock|unreserve_highatomic_pageblock|mm/page_alloc.c|gives a kept page block back \
before an allocation fails
slab.kmem_cache_alloc|kmem_cache_alloc|mm/slab.c|takes an object from the CPU's array of free objects, or refills \
that first
slab.cache_alloc_refill|cache_alloc_refill|mm/slab.c|fills the array from the shared array, partial slabs, free \
slabs, or a new slab
slab.cache_grow_begin|cache_grow_begin|mm/slab.c|gets pages for a new slab and lays out its objects
slab.cache_grow_end|cache_grow_end|mm/slab.c|puts the new slab on its list
slab.kmem_cache_free|kmem_cache_free|mm/slab.c|puts an object into the CPU's array, which is flushed when full
slab.cache_flusharray|cache_flusharray|mm/slab.c|moves a batch of objects from the array back to their slabs
slab.free_block|free_block|mm/slab.c|returns objects to their slabs and moves the slabs between the lists
slab.slabs_destroy|slabs_destroy|mm/slab.c|gives the pages of empty slabs back
slab.kmem_cache_shrink|kmem_cache_shrink|mm/slab_common.c|frees every empty slab of a cache
slab.drain_freelist|drain_freelist|mm/slab.c|destroys slabs of the free list
slab.reap_cpu|cache_reap|mm/slab.c|every two seconds: shrinks arrays and frees some empty slabs
slab_common.kmalloc|__kmalloc|mm/slab_common.c|allocates from the kmalloc cache whose objects fit, large sizes from \
the page allocator
slab_caches.kmalloc_slab|kmalloc_slab|mm/slab_common.c|finds the kmalloc cache for a size
slab_common._kmalloc_large|kmalloc_large|mm/slab_common.c|allocates whole pages for a size beyond the caches
slab_common.kfree|kfree|mm/slab_common.c|finds the cache from the address and frees the object
slab_caches.kmem_cache_create|kmem_cache_create|mm/slab_common.c|makes a cache of equal objects
slab_caches.kmem_cache_destroy|kmem_cache_destroy|mm/slab_common.c|ends a cache
slab_common.kmem_cache_alloc_bulk|kmem_cache_alloc_bulk|mm/slab_common.c|takes many objects of a cache, or none
slub.kmem_cache_alloc|kmem_cache_alloc|mm/slub.c|takes the first object of the list of the CPU's slab, or goes the \
slow way
slub._slab_alloc|___slab_alloc|mm/slub.c|the CPU's list is empty: takes over what others freed, a partial slab, or \
a new one
slub.get_partial|get_partial|mm/slub.c|asks the nodes for slabs that have free objects
slub.get_partial_node|get_partial_node|mm/slub.c|takes the first partial slabs of a node for the CPU
slub.get_any_partial|get_any_partial|mm/slub.c|asks other nodes, the nearest first
slub.new_slab|new_slab|mm/slub.c|gets pages for a new slab and chains its objects
slub.kmem_cache_free|kmem_cache_free|mm/slub.c|gives an object back to its slab
slub._slab_free|__slab_free|mm/slub.c|frees an object of a slab that is not the CPU's, and moves the slab between lists
slub.kmem_cache_free_bulk|kmem_cache_free_bulk|mm/slub.c|gives many objects back, those of one slab together
slub.put_cpu_partial|put_cpu_partial|mm/slub.c|makes a slab one of the CPU's partial slabs
slub.unfreeze_partials|__unfreeze_partials|mm/slub.c|moves a CPU's partial slabs to their nodes
slub.deactivate_slab|deactivate_slab|mm/slub.c|takes the CPU's slab away and puts it on the node's list
slub.discard_slab|discard_slab|mm/slub.c|gives the pages of an empty slab back
slub.flush_all|flush_all|mm/slub.c|makes every CPU give up what it holds of a cache
slub.memcg_alloc_slab_cgroups|memcg_alloc_slab_cgroups|mm/memcontrol.c|makes a slab's vector of owners
slub_caches.kmalloc_slab|kmalloc_slab|mm/slab_common.c|finds the kmalloc cache for a size
slub_caches.kmem_cache_create|kmem_cache_create|mm/slab_common.c|makes a cache of equal objects, or finds one alike
slub_caches.find_mergeable|find_mergeable|mm/slab_common.c|looks for a cache whose objects would do as well
slub_caches.kmem_cache_shrink|kmem_cache_shrink|mm/slab_common.c|frees every empty slab of a cache
slub_caches.kmem_cache_destroy|kmem_cache_destroy|mm/slab_common.c|ends a cache
vmalloc.vmalloc|vmalloc|mm/vmalloc.c|gets pages one by one and maps them at consecutive kernel addresses
vmalloc._get_vm_area|__get_vm_area_node|mm/vmalloc.c|finds a hole in the vmalloc area
vmalloc.vfree|vfree|mm/vmalloc.c|unmaps a vmalloc area and frees its pages
highmem.kmap|kmap_high|mm/highmem.c|gives a HighMem page a kernel address
highmem.kunmap|kunmap_high|mm/highmem.c|drops a HighMem page's kernel address
fault.handle_mm_fault|handle_mm_fault|mm/memory.c|resolves one page fault that its area permits
fault.exc_page_fault|exc_page_fault|arch/x86/mm/fault.c|the CPU says: an address is not mapped, or not for this access
fault.do_user_addr_fault|do_user_addr_fault|arch/x86/mm/fault.c|finds the area of a faulting address and checks \
whether the access is allowed
fault._do_anonymous_page|do_anonymous_page|mm/memory.c|maps the zero page (read) or a fresh page (write)
anon.do_wp_page|do_wp_page|mm/memory.c|a write to a write-protected page: reuse it or copy it
anon._wp_page_copy|wp_page_copy|mm/memory.c|gives the process its own copy of the page
fault._bulk_anonymous|do_anonymous_page|mm/memory.c|maps fresh pages (memsh: one fault each, a run in one go)
filefault.do_fault|do_fault|mm/memory.c|a fault on a mapped file
filefault._do_read_fault|do_read_fault|mm/memory.c|reads from a mapped file; maps the cached pages around too
filefault._do_cow_fault|do_cow_fault|mm/memory.c|writes to a private mapping of a file: a copy of the page
mapped.filemap_map_pages|filemap_map_pages|mm/filemap.c|maps cached pages around a fault
filemap.filemap_fault|filemap_fault|mm/filemap.c|finds a file's page in the page cache, or reads it
filemap.filemap_read|filemap_read|mm/filemap.c|copies from the page cache, filling it first
pagecache.add_to_page_cache|filemap_add_folio|mm/filemap.c|puts a page into the page cache
readahead.page_cache_ra|page_cache_ra_unbounded|mm/readahead.c|reads pages ahead
readahead.ondemand_readahead|ondemand_readahead|mm/readahead.c|decides how far to read ahead, and when to go on
readahead.read_pages|read_pages|mm/readahead.c|asks the disk for pages that are in the cache already, locked
readahead.wait_on_page|folio_wait_bit_common|mm/filemap.c|waits for a page that the disk is reading
filemap.filemap_write|generic_perform_write|mm/filemap.c|copies into the page cache and marks the pages dirty
pagecache.mark_pages_accessed|folio_mark_accessed|mm/swap.c|a page used once is referenced, used twice it is active
pagecache.remove_mapping|__filemap_remove_folio|mm/filemap.c|takes a page out of the page cache
pagecache.invalidate_mapping_pages|invalidate_mapping_pages|mm/truncate.c|drops a file's clean, unmapped pages
pagecache.truncate_inode_pages|truncate_inode_pages_range|mm/truncate.c|drops pages of a file that ends or is cut
writeback.dirty_folio|filemap_dirty_folio|mm/page-writeback.c|marks a page dirty, and its file for the flusher
writeback.balance_dirty_pages|balance_dirty_pages|mm/page-writeback.c|holds up a process that dirties pages \
faster than the disk writes them
writeback._work|wb_workfn|fs/fs-writeback.c|the flusher: what was asked for, what is old, what is too much
writeback.do_writepages|do_writepages|mm/page-writeback.c|submits a file's dirty pages to the disk
writeback.end_page_writeback|folio_end_writeback|mm/filemap.c|the disk has written a page
writeback.folio_mkclean|folio_mkclean|mm/rmap.c|makes a page's shared mappings read-only, so that stores are noticed
writeback.sync|ksys_sync|fs/sync.c|writes all that is dirty and waits
disk.submit|submit_bio|block/blk-core.c|hands a request to the disk
disk._complete|blk_mq_complete_request|block/blk-mq.c|the disk says that requests are done
xarray._grow|xas_expand|lib/xarray.c|gives the tree of a file's pages the nodes that an index needs
xarray._shrink|xas_shrink|lib/xarray.c|takes the head off a tree that has become low
dcache.lookup|path_lookupat|fs/namei.c|finds the dentries and inodes of a path, or makes them
dcache.prune_dcache|prune_dcache_sb|fs/dcache.c|gives up dentries that nobody uses
dcache.prune_icache|prune_icache_sb|fs/inode.c|gives up inodes that nobody uses, with their pages
shrinker.do_shrink_slab|do_shrink_slab|mm/vmscan.c|lets one cache of objects give some up
shrinker.drop_slab|drop_slab|mm/vmscan.c|lets every cache give up all it can (drop_caches, bit 1)
shmem.shmem_get_page|shmem_get_folio|mm/shmem.c|finds or makes a page of shared memory
paging._pte_alloc|__pte_alloc|mm/memory.c|takes a page for a page table and enters it in the directory
paging.free_pgtables|free_pgtables|mm/memory.c|frees page tables that no area needs any more
rmap._anon_vma_prepare|__anon_vma_prepare|mm/rmap.c|gives an area its anon_vma before its first anonymous page
rmap.anon_vma_fork|anon_vma_fork|mm/rmap.c|links a child's area to its parent's anon_vmas
rmap.unlink_anon_vmas|unlink_anon_vmas|mm/rmap.c|takes an area out of the reverse map
mmap.do_mmap|do_mmap|mm/mmap.c|checks a mmap request and makes the area
unmapped.get_unmapped_area|get_unmapped_area|mm/mmap.c|finds the highest hole that is large enough
mmap.mmap_region|mmap_region|mm/mmap.c|makes the area, or extends a neighbour
mmap.do_munmap|do_mas_munmap|mm/mmap.c|takes a range of addresses out of a process
mmap.do_brk|__ia32_sys_brk|mm/mmap.c|moves the end of the heap's area
mmap.do_brk_flags|do_brk_flags|mm/mmap.c|extends the heap's area
stack.expand_downwards|expand_downwards|mm/mmap.c|grows the stack's area
vmamerge.vma_merge|vma_merge|mm/mmap.c|joins neighbouring areas that are alike
vmamerge.split_vma|split_vma|mm/mmap.c|cuts an area in two
vmalist.find_vma|find_vma|mm/mmap.c|finds the first area that ends above an address
vmalist.vm_area_alloc|vm_area_alloc|kernel/fork.c|takes a vm_area_struct from its cache
vmalist.vm_enough_memory|__vm_enough_memory|mm/util.c|asks whether the commit rules allow more memory
mprotect.do_mprotect|do_mprotect_pkey|mm/mprotect.c|changes the permissions of a range
mprotect.mprotect_fixup|mprotect_fixup|mm/mprotect.c|changes one area's permissions
mremap.do_mremap|__ia32_sys_mremap|mm/mremap.c|grows, shrinks or moves a mapping
madvise.do_madvise|do_madvise|mm/madvise.c|takes advice on a range
mlock.do_mlock|do_mlock|mm/mlock.c|keeps a range in memory
gup.mm_populate|__mm_populate|mm/gup.c|faults a range in ahead of its use
zap.unmap_page_range|unmap_page_range|mm/memory.c|takes a range of pages out of the page tables
zap.zap_pte_range|zap_pte_range|mm/memory.c|clears the entries of one page table
zap.release_pages|release_pages|mm/swap.c|drops references of many pages and frees the last ones
mmlife.mm_alloc|mm_alloc|kernel/fork.c|makes an address space
mmlife.dup_mmap|dup_mmap|kernel/fork.c|copies an address space for fork
mmlife.copy_page_range|copy_page_range|mm/memory.c|copies page table entries and write-protects both sides
mmlife.exit_mmap|exit_mmap|mm/mmap.c|takes an address space apart
fork.kernel_clone|kernel_clone|kernel/fork.c|makes a child process
fork.copy_process|copy_process|kernel/fork.c|takes the child's objects and copies what it inherits
fork.vfork|kernel_clone|kernel/fork.c|makes a child that borrows the memory, and stops the parent
shm.shmget|ksys_shmget|ipc/shm.c|finds a segment of System V's shared memory by its key, or makes one
shm.shmat|do_shmat|ipc/shm.c|maps a segment
shm.shmdt|ksys_shmdt|ipc/shm.c|unmaps a segment
shm.rmid|shmctl_down|ipc/shm.c|removes a segment, now or with its last attachment
shmem.shmem_file_setup|shmem_file_setup|mm/shmem.c|makes a nameless file of shared memory
mincore.do_mincore|do_mincore|mm/mincore.c|looks which pages of a range are in memory
msync.do_msync|msync|mm/msync.c|writes what was changed through shared mappings of files
process_vm_access.process_vm_rw|process_vm_rw|mm/process_vm_access.c|copies memory between two processes
sys.do_prlimit|do_prlimit|kernel/sys.c|reads and sets a resource limit
fork.clone_thread|copy_process|kernel/fork.c|makes a thread, with memory, files and signal handlers in common
fork.alloc_thread_stack|alloc_thread_stack_node|kernel/fork.c|takes the pages of a kernel stack
exec.do_execve|do_execveat_common|fs/exec.c|replaces a process's program
exec.de_thread|de_thread|fs/exec.c|ends the other threads of a process that executes a program
exec._map_segments|load_elf_binary|fs/binfmt_elf.c|maps the segments of an ELF file
exit.do_group_exit|do_group_exit|kernel/exit.c|ends a process, all its threads
exit.do_exit|do_exit|kernel/exit.c|ends a thread, and with the last one its process
exit.exit_mm|exit_mm|kernel/exit.c|leaves the address space
exit.do_wait|do_wait|kernel/exit.c|collects a child that has ended
exit.release_task|release_task|kernel/exit.c|drops what is left of a process
signal.send_sig|send_sig|kernel/signal.c|sends a signal
signal.force_sig|force_sig|kernel/signal.c|sends a signal that cannot be ignored
diskfs.read|vfs_read|fs/read_write.c|reads from a file
diskfs.write|vfs_write|fs/read_write.c|writes to a file
diskfs.open|do_sys_openat2|fs/open.c|opens a file
malloc.malloc|__libc_malloc|malloc/malloc.c|looks into the thread's cache, then asks _int_malloc
malloc.free|__libc_free|malloc/malloc.c|unmaps a mapped chunk, hands others to _int_free
malloc.realloc|__libc_realloc|malloc/malloc.c|grows or shrinks a chunk, moving it when it must
malloc.calloc|__libc_calloc|malloc/malloc.c|allocates and clears
malloc.memalign|__libc_memalign|malloc/malloc.c|allocates at a multiple of the alignment
intmalloc.int_malloc|_int_malloc|malloc/malloc.c|searches fast bin, small bin, unsorted list, large bins, then the top
intfree.int_free|_int_free|malloc/malloc.c|caches a chunk, or joins it with free neighbours
intfree.malloc_consolidate|malloc_consolidate|malloc/malloc.c|empties the fast bins
system.sysmalloc|sysmalloc|malloc/malloc.c|gets memory from the system: mmap from the threshold on, else brk
system.sysmalloc_mmap|sysmalloc_mmap|malloc/malloc.c|maps a chunk of its own
trim.systrim|systrim|malloc/malloc.c|gives the end of the top chunk back with brk
trim.munmap_chunk|munmap_chunk|malloc/malloc.c|unmaps a mapped chunk
mallinfo.mtrim|mtrim|malloc/malloc.c|gives free pages back
trim.heap_trim|heap_trim|malloc/arena.c|gives heaps of a thread's arena, and the end of its last one, back
heaps.new_heap|new_heap|malloc/arena.c|maps address space for an arena and opens its beginning
heaps.grow_heap|grow_heap|malloc/arena.c|opens more of a heap with mprotect
heaps.shrink_heap|shrink_heap|malloc/arena.c|gives the end of a heap back
arena.arena_get2|arena_get2|malloc/arena.c|finds an arena for a thread: one from the free list, a new one, a shared one
arena.int_new_arena|_int_new_arena|malloc/arena.c|makes an arena at the beginning of a heap of its own
arena.reused_arena|reused_arena|malloc/arena.c|shares the arena whose turn it is, once there are enough
arena.tcache_init|tcache_init|malloc/malloc.c|makes the thread's cache
arena.thread_freeres|__malloc_arena_thread_freeres|malloc/arena.c|gives up the cache and the arena of a thread that ends
pthread.create|pthread_create|nptl/pthread_create.c|makes a thread: stack, thread-local storage, clone
pthread._allocate_stack|allocate_stack|nptl/allocatestack.c|takes a stack from the cache, or maps one with a guard page
pthread._deallocate_stack|__nptl_deallocate_stack|nptl/nptl-stack.c|puts a stack into the cache, which keeps 40 MiB
pthread.join|pthread_join|nptl/pthread_join.c|takes back what a thread that has ended left
tcache.tcache_get|tcache_get|malloc/malloc.c|takes the first chunk of a size off the thread's cache
tcache.tcache_put|tcache_put|malloc/malloc.c|puts a freed chunk into the thread's cache
"""
FUNCTIONS: dict[str, Function] = {}
for _line in (_TABLE + COMPACTION + HUGETLB + KSM + RECLAIM).strip().splitlines():
    _key, _name, _file, _what = _line.split("|")
    FUNCTIONS[_key] = Function(_name, _file, _what)


def _short(name: str) -> str:
    """`__ia32_sys_brk` and `sys_brk` are what people call brk."""
    return name.removeprefix("__ia32_sys_").removeprefix("sys_").strip("_")


def find(name: str) -> list[Function]:
    """The functions of a name, Linux's or memsh's, each once."""
    bare = name.rstrip("()")
    hits = [f for key, f in FUNCTIONS.items() if f.name == bare]
    hits = hits or [f for key, f in FUNCTIONS.items() if _short(f.name) == _short(bare)]
    return list(dict.fromkeys(hits or [f for key, f in FUNCTIONS.items() if key.rpartition(".")[2].strip("_") == bare]))
