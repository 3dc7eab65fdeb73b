"""What each name of /proc/vmstat counts; zoneinfo prints the same items per zone and per node (mm/vmstat.c).

One `name|meaning` a line. Pages, unless another unit is said.
"""

VMSTAT = """
nr_free_pages|free pages in the buddy lists; those on per-CPU lists are not among them
nr_zone_inactive_anon|pages of this zone on the inactive anonymous list
nr_zone_active_anon|pages of this zone on the active anonymous list
nr_zone_inactive_file|pages of this zone on the inactive file list
nr_zone_active_file|pages of this zone on the active file list
nr_zone_unevictable|pages of this zone that reclaim may not take
nr_zone_write_pending|dirty pages and pages being written
nr_mlock|pages locked by mlock
nr_bounce|bounce buffers for devices that reach low memory only
nr_free_cma|free pages of the contiguous area
nr_inactive_anon|anonymous and shared-memory pages that have not been used of late
nr_active_anon|anonymous and shared-memory pages in use
nr_inactive_file|page cache that has not been used of late: reclaim takes it first
nr_active_file|page cache that was used more than once
nr_unevictable|pages that reclaim may not take (locked, ramfs)
nr_slab_reclaimable|pages of caches that can shrink (dentries, inodes)
nr_slab_unreclaimable|pages of all other slab caches
nr_isolated_anon|anonymous pages taken off the lists by reclaim or compaction just now
nr_isolated_file|the same for file pages
workingset_nodes|page-cache tree nodes that remember evicted pages
workingset_refault_anon|evicted anonymous pages that were wanted again
workingset_refault_file|evicted file pages that were wanted again
workingset_activate_anon|of these, those that came back straight to the active list
workingset_activate_file|of these, those that came back straight to the active list
workingset_restore_anon|of these, those that had been active before they were evicted
workingset_restore_file|of these, those that had been active before they were evicted
workingset_nodereclaim|such tree nodes that were freed
nr_anon_pages|anonymous pages mapped by processes
nr_mapped|file pages mapped by processes
nr_file_pages|page cache, shared memory and swap cache
nr_dirty|pages that wait to be written
nr_writeback|pages being written
nr_writeback_temp|pages being written by FUSE
nr_shmem|tmpfs and shared memory
nr_shmem_hugepages|huge pages of tmpfs
nr_shmem_pmdmapped|of these, mapped as huge pages
nr_file_hugepages|huge pages of the page cache
nr_file_pmdmapped|of these, mapped as huge pages
nr_anon_transparent_hugepages|anonymous huge pages
nr_vmscan_write|pages that reclaim wrote itself
nr_vmscan_immediate_reclaim|written pages that reclaim wanted freed at once
nr_dirtied|pages made dirty since boot
nr_written|pages written since boot
nr_throttled_written|pages written while reclaim was held back
nr_kernel_misc_reclaimable|other kernel memory that can be given back
nr_foll_pin_acquired|pins taken on user pages (get_user_pages)
nr_foll_pin_released|pins given back
nr_kernel_stack|kernel stacks, in KiB
nr_page_table_pages|page tables of processes
nr_sec_page_table_pages|page tables of virtual machines
nr_swapcached|pages in memory that also have a place in swap
nr_dirty_threshold|dirty pages at which a writer must wait
nr_dirty_background_threshold|dirty pages at which writing begins in the background
pgpgin|KiB read from disks
pgpgout|KiB written to disks
pswpin|pages read from swap
pswpout|pages written to swap
pgalloc_dma|pages handed out from zone DMA
pgalloc_normal|pages handed out from zone Normal
pgalloc_high|pages handed out from zone HighMem
pgalloc_movable|pages handed out from zone Movable
allocstall_dma|direct reclaims for requests that may use zone DMA
allocstall_normal|direct reclaims for requests that may use zone Normal
allocstall_high|direct reclaims for requests that may use zone HighMem
allocstall_movable|direct reclaims for requests that may use zone Movable
pgskip_dma|pages that reclaim passed over since they lie in zone DMA, not asked for
pgskip_normal|the same in zone Normal
pgskip_high|the same in zone HighMem
pgskip_movable|the same in zone Movable
pgfree|pages given back
pgactivate|pages moved to an active list
pgdeactivate|pages moved to an inactive list
pglazyfree|pages marked by madvise(MADV_FREE)
pgfault|page faults, major ones among them
pgmajfault|page faults that had to wait for a disk
pglazyfreed|pages of MADV_FREE that reclaim took
pgrefill|pages looked at on the active lists
pgreuse|write faults that could keep the page instead of copying it
pgsteal_kswapd|pages that kswapd freed
pgsteal_direct|pages that allocating processes freed themselves
pgdemote_kswapd|pages that kswapd moved to slower memory
pgdemote_direct|pages that direct reclaim moved to slower memory
pgscan_kswapd|pages that kswapd looked at
pgscan_direct|pages that direct reclaim looked at
pgscan_direct_throttle|processes held back until kswapd had caught up
pgscan_anon|anonymous pages looked at
pgscan_file|file pages looked at
pgsteal_anon|anonymous pages freed
pgsteal_file|file pages freed
pginodesteal|page-cache pages freed with their inode, by processes
slabs_scanned|slab objects that shrinkers looked at
kswapd_inodesteal|page-cache pages freed with their inode, by kswapd
kswapd_low_wmark_hit_quickly|kswapd fell below the low watermark soon after it had slept
kswapd_high_wmark_hit_quickly|kswapd fell below the high watermark soon after it had slept
pageoutrun|runs of kswapd
pgrotated|pages moved to the tail once written, to be freed next
drop_pagecache|writes to drop_caches that dropped the page cache
drop_slab|writes to drop_caches that shrank dentries and inodes
oom_kill|processes killed for want of memory
pgmigrate_success|pages moved to another frame
pgmigrate_fail|pages that could not be moved
thp_migration_success|huge pages moved
thp_migration_fail|huge pages that could not be moved
thp_migration_split|huge pages split to be moved
compact_migrate_scanned|pages looked at by compaction for what can move
compact_free_scanned|pages looked at by compaction for free room
compact_isolated|pages taken off their lists by compaction
compact_stall|direct compactions
compact_fail|of these, those that gave no block
compact_success|of these, those that gave one
compact_daemon_wake|times that kcompactd was woken
compact_daemon_migrate_scanned|pages looked at by kcompactd for what can move
compact_daemon_free_scanned|pages looked at by kcompactd for free room
unevictable_pgs_culled|pages moved to the unevictable list
unevictable_pgs_scanned|unevictable pages looked at
unevictable_pgs_rescued|pages that came back from the unevictable list
unevictable_pgs_mlocked|pages locked since boot
unevictable_pgs_munlocked|pages unlocked since boot
unevictable_pgs_cleared|locked pages freed with their mapping
unevictable_pgs_stranded|unlocked pages that stayed on the unevictable list
swap_ra|pages read ahead from swap
swap_ra_hit|of these, those that were used
direct_map_level2_splits|large pages of the kernel's direct map that were split
direct_map_level3_splits|1 GiB pages of it that were split
nr_unstable|always 0, kept for old readers
"""

ZONEINFO = """
pages free|free pages of the zone
boost|pages added to the watermarks for a while, after a fallback to another migrate type
min|watermark: below it only urgent requests are served
low|watermark: below it kswapd is woken
high|watermark: kswapd works up to it
spanned|pages from the zone's first to its last frame, holes included
present|pages that exist
managed|pages that the buddy system was given: present less what boot kept
cma|pages of the contiguous area
protection|pages kept from requests that could use higher zones as well, a figure for each zone (lowmem_reserve)
cpu|the CPU whose list of pages follows
count|pages on this CPU's lists: neither used nor in nr_free_pages
high:|pages at which the list gives a batch back
batch|pages moved at a time between this list and the free lists
vm stats threshold|how far this CPU's share of a counter may be off before it is added to the whole
node_unreclaimable|1: kswapd has given this node up
start_pfn|the zone's first page frame
"""
