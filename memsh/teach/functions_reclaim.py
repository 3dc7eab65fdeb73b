"""Rows of memsh.teach.functions: the slow path, reclaim, swap and the OOM killer."""

RECLAIM = """\
slowpath.alloc_pages_slowpath|__alloc_pages_slowpath|mm/page_alloc.c|wakes kswapd, lowers the watermark to min, \
compacts, reclaims, tries again
slowpath._direct_reclaim|__alloc_pages_direct_reclaim|mm/page_alloc.c|frees pages on behalf of the one who asks
slowpath._direct_compact|__alloc_pages_direct_compact|mm/page_alloc.c|compacts on behalf of the one who asks
slowpath._should_reclaim_retry|should_reclaim_retry|mm/page_alloc.c|asks whether reclaim can still free enough
slowpath._should_compact_retry|should_compact_retry|mm/page_alloc.c|asks whether to compact again, harder
slowpath._may_oom|__alloc_pages_may_oom|mm/page_alloc.c|a last look at the free lists, then the OOM killer
kswapd.wakeup|wakeup_kswapd|mm/vmscan.c|asks the background reclaimer to run
kswapd.balanced|pgdat_balanced|mm/vmscan.c|asks whether a zone is above its high watermark
kswapd._round|balance_pgdat|mm/vmscan.c|the background reclaimer frees pages up to the high watermark
vmscan.try_to_free_pages|try_to_free_pages|mm/vmscan.c|direct reclaim: round by round, harder each time
vmscan.shrink_node|shrink_node|mm/vmscan.c|one round over the LRU lists and the caches that can shrink
vmscan.get_scan_count|get_scan_count|mm/vmscan.c|shares the work out between anonymous and file pages
vmscan.shrink_lruvec|shrink_lruvec|mm/vmscan.c|works down the LRU lists, 32 pages at a time
isolate.isolate_lru_folios|isolate_lru_folios|mm/vmscan.c|takes pages off the end of a list to look at them
shrink.shrink_inactive_list|shrink_inactive_list|mm/vmscan.c|frees pages from the end of an inactive list
shrink.shrink_active_list|shrink_active_list|mm/vmscan.c|moves pages that are not used from an active list
pageout.shrink_folio_list|shrink_folio_list|mm/vmscan.c|for each page: keep it, write it out, or free it
pageout._pageout|pageout|mm/vmscan.c|starts to write a page out
pageout._remove_mapping|__remove_mapping|mm/vmscan.c|takes a page out of its cache, leaving a shadow
shrinker.shrink_slab|shrink_slab|mm/vmscan.c|asks caches of objects (dentries, inodes) to give some up
unmap.folio_referenced|folio_referenced|mm/rmap.c|asks every mapping of a page whether it was used
unmap.try_to_unmap|try_to_unmap|mm/rmap.c|takes a page out of every page table that maps it
workingset.workingset_eviction|workingset_eviction|mm/workingset.c|notes when a page was evicted
workingset.workingset_refault|workingset_refault|mm/workingset.c|a page came back: was it gone only for a short time?
swap.add_to_swap|add_to_swap|mm/swap_state.c|gives a page a slot in the swap space
swap.writepage|swap_writepage|mm/page_io.c|writes a page to its slot
swap.delete_from_cache|delete_from_swap_cache|mm/swap_state.c|takes a page out of the swap cache
swapfile.scan_swap_map_slots|get_swap_pages|mm/swapfile.c|finds a free slot
swapin.do_swap_page|do_swap_page|mm/memory.c|a fault on a page that is in the swap space
swapin.swapin_readahead|swapin_readahead|mm/swap_state.c|reads a page back, and what may be wanted next
swapon.swapon|__ia32_sys_swapon|mm/swapfile.c|reads a swap space's header and takes it into use
swapoff.swapoff|__ia32_sys_swapoff|mm/swapfile.c|takes a swap space out of use
swapoff.try_to_unuse|try_to_unuse|mm/swapfile.c|brings everything back from a swap space that is switched off
oom_kill.out_of_memory|out_of_memory|mm/oom_kill.c|chooses a process and kills it
oom_kill.warn_alloc|warn_alloc|mm/page_alloc.c|writes the report of a failed allocation to the log
"""
