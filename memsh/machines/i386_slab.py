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

# the caches that are merged with others but with slab_nomerge: behind which they are made, name, size, flags, objects
UNMERGED = (
    ("maple_node", "pool_workqueue", 256, 0, 16),
    ("perf_event", "Acpi-Namespace", 32, 0, 368),
    ("Acpi-State", "Acpi-Parse", 32, 0, 60),
    ("Acpi-State", "Acpi-ParseExt", 48, 0, 60),
    ("Acpi-State", "Acpi-Operand", 48, 0, 415),
    ("anon_vma", "anon_vma_chain", 32, 0, 0),
    ("files_cache", "fs_cache", 64, OUTSIDE, 0),
    ("inode_cache", "filp", 160, 0, 0),
    ("kernfs_node_cache", "kernfs_iattrs_cache", 64, 0, 0),
    ("bdev_cache", "sigqueue", 48, 0, 0),
    ("bdev_cache", "seq_file", 72, 0, 16),
    ("taskstats", "task_delay_info", 128, 0, 0),
    ("buffer_head", "fsnotify_mark_connector", 24, 0, 0),
    ("buffer_head", "file_lock_ctx", 32, 0, 0),
    ("buffer_head", "file_lock_cache", 128, 0, 0),
    ("dmaengine-unmap-2", "iommu_iova", 32, 0, 0),
    ("dmaengine-unmap-2", "uid_cache", 96, 0, 0),
    ("dmaengine-unmap-2", "biovec-16", 192, 0, 0),
    ("request_queue_srcu", "sgpool-8", 160, 0, 16),
    ("sgpool-128", "inotify_inode_mark", 48, 0, 0),
    ("sgpool-128", "eventpoll_epi", 96, 0, 0),
    ("sgpool-128", "eventpoll_pwq", 32, 0, 0),
    ("tw_sock_TCP", "UDP", 768, 0, 5),
    ("PING", "ip_dst_cache", 128, 0, 0),
    ("PING", "ip_fib_alias", 40, 0, 0),
    ("PING", "ip_fib_trie", 32, 0, 0),
    ("xfrm_state", "xfrm_dst_cache", 224, 0, 0),
    ("xfrm_state", "inet_peer_cache", 160, 0, 0),
    ("xfrm_state", "tcp_bind_bucket", 64, OUTSIDE, 0),
    ("xfrm_state", "tcp_bind2_bucket", 32, 0, 0),
    ("xfrm_state", "UDP-Lite", 768, 0, 0),
    ("xfrm_state", "ip_mrt_cache", 128, 0, 0),
    ("ip4-frags", "UNIX", 640, 0, 0),
    ("ip4-frags", "UNIX-STREAM", 640, 0, 0),
    ("posix_timers_cache", "pid_namespace", 80, 0, 0),
    ("posix_timers_cache", "fasync_cache", 32, 0, 0),
    ("dio", "dnotify_struct", 24, 0, 0),
    ("dio", "dnotify_mark", 48, 0, 0),
    ("dio", "aio_kiocb", 128, 0, 0),
    ("ext4_pending_reservation", "ext4_bio_post_read_ctx", 32, 0, 184),
    ("ext4_pending_reservation", "ext4_io_end", 40, 0, 0),
    ("ext4_pending_reservation", "ext4_io_end_vec", 24, 0, 0),
    ("ext4_pending_reservation", "ext4_system_zone", 32, 0, 0),
    ("ext4_allocation_context", "ext4_free_data", 40, 0, 0),
    ("jbd2_revoke_record_s", "jbd2_revoke_table_s", 16, 0, 0),
    ("jbd2_journal_handle", "jbd2_inode", 40, 0, 0),
    ("bio-72", "io_kiocb", 192, 0, 0),
)
LESS = {"Acpi-State": 60, "vmap_area": 17}  # what those that others are merged with hold then


def _unmerged() -> tuple[BootCache, ...]:
    """All caches with slab_nomerge, in the order of their creation."""
    found: list[BootCache] = []
    for after in ("", *(row[0] for row in BOOT_CACHES)):
        row = next((row for row in BOOT_CACHES if row[0] == after), None)
        if row is not None:
            held = LESS.get(after)
            found.append(BootCache(*row[:3], *(row[3:] if held is None else (held, held))))
        found += [BootCache(name, size, flags, kept, kept) for at, name, size, flags, kept in UNMERGED if at == after]
    return tuple(found)


I386_SLAB = BootCaches(tuple(BootCache(*row) for row in BOOT_CACHES), ALIASES, KMALLOC_BOOT,
                       unmerged=_unmerged())  # fmt: skip
