"""Which function of Linux stands where one of this kernel's asks the slab allocator (the tracepoints' `call_site`).

Sources: the callers of kmem_cache_alloc(), kmalloc(), kmem_cache_free() and kfree() in mm/, lib/, fs/ and kernel/.
Known deviations: one name for each pair, without the offset; objects freed after an RCU grace period are freed at once.
"""

from __future__ import annotations

_OF_OBJECTS = {  # (event, cache): wherever it is asked from
    ("kmem_cache_alloc", "task_struct"): "dup_task_struct", ("kmem_cache_free", "task_struct"): "free_task",
    ("kmem_cache_alloc", "cred_jar"): "prepare_creds", ("kmem_cache_free", "cred_jar"): "put_cred_rcu",
    ("kmem_cache_alloc", "files_cache"): "dup_fd", ("kmem_cache_free", "files_cache"): "put_files_struct",
    ("kmem_cache_alloc", "fs_cache"): "copy_fs_struct", ("kmem_cache_free", "fs_cache"): "free_fs_struct",
    ("kmem_cache_alloc", "pid"): "alloc_pid", ("kmem_cache_free", "pid"): "put_pid",
    ("kmem_cache_free", "sighand_cache"): "__cleanup_sighand",
    ("kmem_cache_free", "signal_cache"): "__put_task_struct",
    ("kmem_cache_free", "mm_struct"): "__mmdrop",
    ("kmem_cache_alloc", "maple_node"): "mas_alloc_nodes", ("kmem_cache_free", "maple_node"): "mt_free_rcu",
    ("kmem_cache_alloc", "radix_tree_node"): "xas_alloc",
    ("kmem_cache_free", "radix_tree_node"): "radix_tree_node_rcu_free",
    ("kmem_cache_alloc", "buffer_head"): "alloc_buffer_head", ("kmem_cache_free", "buffer_head"): "free_buffer_head",
    ("kmem_cache_alloc", "dentry"): "__d_alloc", ("kmem_cache_free", "dentry"): "__d_free",
    ("kmem_cache_alloc", "ext4_inode_cache"): "ext4_alloc_inode",
    ("kmem_cache_free", "ext4_inode_cache"): "ext4_free_in_core_inode",
    ("kmem_cache_alloc", "shmem_inode_cache"): "shmem_alloc_inode",
    ("kmem_cache_free", "shmem_inode_cache"): "shmem_free_in_core_inode",
    ("kmem_cache_alloc", "inode_cache"): "alloc_inode", ("kmem_cache_free", "inode_cache"): "free_inode_nonrcu",
    ("kmem_cache_alloc", "skbuff_head_cache"): "__alloc_skb", ("kmem_cache_free", "skbuff_head_cache"): "kfree_skbmem",
}  # fmt: skip
_OF_FUNCTIONS = {  # (event, function here)
    ("kmalloc", "get_vm_area"): "__get_vm_area_node", ("kfree", "get_vm_area"): "__get_vm_area_node",
    ("kmem_cache_alloc", "get_vm_area"): "alloc_vmap_area", ("kmem_cache_free", "get_vm_area"): "alloc_vmap_area",
    ("kmem_cache_free", "purge"): "__purge_vmap_area_lazy",
    ("kmalloc", "vmalloc"): "__vmalloc_node_range", ("kfree", "remove"): "__vunmap", ("kfree", "free_some"): "kvfree",
    ("kmem_cache_alloc", "anon_vma_prepare"): "__anon_vma_prepare",
    ("kmem_cache_free", "put_anon_vma"): "__put_anon_vma",
}  # fmt: skip


def linux_name(event: str, function: str, cache: str) -> str:
    """The function of Linux for one of this kernel's, which may have a name of its own; "" stays: a person asked."""
    if not function:
        return ""
    return _OF_OBJECTS.get((event, cache)) or _OF_FUNCTIONS.get((event, function), function)
