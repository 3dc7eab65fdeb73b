"""The caches of a booted box: names, object sizes in bytes, flags, and how many objects a box has in use after boot.

Facts read from /proc/slabinfo of the recorded machines, in the order of creation. Populations are for one CPU and for
several; those of processes' own objects are 0 here, since processes take them.
"""

from memsh.linux.mm.slab.api import SLAB_RECLAIM_ACCOUNT, SLAB_TYPESAFE_BY_RCU, BootCache, BootCaches

RECLAIM = SLAB_RECLAIM_ACCOUNT
OUTSIDE = SLAB_TYPESAFE_BY_RCU  # the free list cannot lie in the objects

# names under which the kernel asks for objects that lie in another cache: caches alike are merged (find_mergeable)
ALIASES = {"anon_vma_chain": "vmap_area", "fs_cache": "pid", "filp": "key_jar", "UNIX-STREAM": "sgpool-32"}

KMALLOC_BOOT: dict[str, tuple[int, int]] = {
    "kmalloc-64": (636, 640),
    "kmalloc-32": (1856, 1920),
    "kmalloc-96": (126, 168),
    "kmalloc-128": (320, 384),
    "kmalloc-192": (105, 105),
    "kmalloc-256": (112, 128),
    "kmalloc-512": (328, 352),
    "kmalloc-1k": (124, 160),
    "kmalloc-2k": (18, 80),
    "kmalloc-4k": (8, 9),
    "kmalloc-8k": (1, 1),
}

BOOT_CACHES = (  # name, size, flags, objects kept with one CPU, with several
    ("vmap_area", 32, 0, 492, 556),
    ("mm_struct", 544, 0, 0, 0),
    ("radix_tree_node", 304, RECLAIM, 169, 195),
    ("maple_node", 256, 0, 0, 0),
    ("perf_event", 712, 0, 0, 0),
    ("Acpi-State", 48, 0, 415, 415),
    ("pid", 64, OUTSIDE, 0, 0),
    ("anon_vma", 56, 0, 0, 0),
    ("cred_jar", 128, 0, 0, 0),
    ("task_struct", 2304, 0, 0, 0),
    ("sighand_cache", 1312, 0, 0, 0),
    ("signal_cache", 736, 0, 0, 0),
    ("files_cache", 224, 0, 0, 0),
    ("vm_area_struct", 72, 0, 0, 0),
    ("nsproxy", 40, 0, 16, 16),
    ("uts_namespace", 416, 0, 0, 0),
    ("key_jar", 160, 0, 16, 25),
    ("net_namespace", 1440, 0, 0, 0),
    ("names_cache", 4096, 0, 1, 2),
    ("dentry", 128, RECLAIM, 480, 544),
    ("inode_cache", 384, RECLAIM, 310, 350),
    ("mnt_cache", 192, 0, 21, 42),
    ("kernfs_node_cache", 80, 0, 6018, 6222),
    ("shmem_inode_cache", 456, RECLAIM, 152, 160),
    ("bdev_cache", 960, RECLAIM, 28, 28),
    ("proc_inode_cache", 424, RECLAIM, 9, 9),
    ("pde_opener", 24, 0, 16, 16),
    ("proc_dir_entry", 128, 0, 256, 256),
    ("taskstats", 416, 0, 0, 0),
    ("buffer_head", 64, RECLAIM | OUTSIDE, 16, 16),
    ("skbuff_head_cache", 192, 0, 16, 21),
    ("skbuff_fclone_cache", 384, 0, 0, 0),
    ("skbuff_ext_cache", 96, 0, 0, 0),
    ("sock_inode_cache", 448, RECLAIM, 18, 18),
    ("dmaengine-unmap-2", 32, 0, 16, 16),
    ("biovec-64", 768, 0, 5, 5),
    ("biovec-128", 1536, 0, 0, 0),
    ("biovec-max", 3072, 0, 40, 40),
    ("bio-120", 128, 0, 16, 32),
    ("blkdev_ioc", 16, 0, 0, 0),
    ("request_queue", 544, 0, 28, 28),
    ("request_queue_srcu", 744, 0, 0, 0),
    ("sgpool-16", 320, 0, 12, 12),
    ("sgpool-32", 640, 0, 6, 6),
    ("sgpool-64", 1280, 0, 3, 3),
    ("sgpool-128", 2560, 0, 3, 3),
    ("ep_head", 16, 0, 0, 0),
    ("bio-164", 192, 0, 42, 42),
    ("TCP", 1728, 0, 0, 0),
    ("request_sock_TCP", 200, 0, 0, 0),
    ("tw_sock_TCP", 168, 0, 0, 0),
    ("RAW", 704, 0, 11, 11),
    ("PING", 672, 0, 0, 0),
    ("xfrm_state", 544, 0, 0, 0),
    ("ip4-frags", 136, 0, 0, 0),
    ("posix_timers_cache", 168, 0, 0, 0),
    ("dio", 352, 0, 0, 0),
    ("kioctx", 288, 0, 0, 0),
    ("mbcache", 40, RECLAIM, 0, 0),
    ("ext4_extent_status", 32, RECLAIM, 0, 0),
    ("ext4_pending_reservation", 16, RECLAIM, 0, 0),
    ("ext4_prealloc_space", 72, RECLAIM, 0, 0),
    ("ext4_allocation_context", 112, RECLAIM, 0, 0),
    ("ext4_inode_cache", 744, RECLAIM, 0, 0),
    ("ext4_fc_dentry_update", 80, RECLAIM, 0, 0),
    ("jbd2_revoke_record_s", 32, 0, 0, 0),
    ("jbd2_journal_head", 64, OUTSIDE, 0, 0),
    ("jbd2_journal_handle", 48, 0, 0, 0),
    ("jbd2_transaction_s", 160, 0, 0, 0),
    ("fat_cache", 24, RECLAIM, 0, 0),
    ("fat_inode_cache", 488, RECLAIM, 0, 0),
    ("mqueue_inode_cache", 608, RECLAIM, 6, 6),
    ("bio-152", 160, 0, 16, 16),
    ("bio-72", 96, 0, 84, 84),
    ("p9_req_t", 80, OUTSIDE, 0, 0),
)

I386_SLAB = BootCaches(tuple(BootCache(*row) for row in BOOT_CACHES), ALIASES, KMALLOC_BOOT)
