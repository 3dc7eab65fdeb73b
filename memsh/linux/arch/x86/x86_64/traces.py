"""Call traces of the recorded x86_64 kernel."""

from memsh.linux.arch.x86.traces import Traces, Warn

_DUMP = "dump_stack_lvl+0x33/0x46"
_OOM = (_DUMP, "dump_header+0x47/0x226", "oom_kill_process.cold+0xb/0x10", "out_of_memory+0x1f8/0x4c0")
_PAGES = ("__alloc_pages_slowpath.constprop.0", "__alloc_pages+0x2b5/0x2d0")
_HANDLE = ("handle_mm_fault+0xe9/0x2e0", "exc_page_fault+0x196/0x5c0", "asm_exc_page_fault+0x22/0x30")
_NODE, _KMALLOC = "__kmem_cache_alloc_node+0x10b/0x290", "ctl_write+0x217/0xb80"
_WRITE = (
    "proc_reg_write+0x50/0x90", "vfs_write+0xc2/0x3e0", "ksys_write+0x66/0xe0", "do_syscall_64+0x34/0x90",
    "entry_SYSCALL_64_after_hwframe+0x6e/0xd8",
)  # fmt: skip
_EXIT = (
    "do_exit.cold+0x15/0x15", "do_group_exit+0x28/0x80", "get_signal+0x879/0x890",
    "arch_do_signal_or_restart+0x3f/0x720", "exit_to_user_mode_prepare+0x176/0x210",
    "syscall_exit_to_user_mode+0x12/0x40", "do_syscall_64+0x40/0x90",
    "entry_SYSCALL_64_after_hwframe+0x6e/0xd8",
)  # fmt: skip
_PANIC, _HEADER = (_DUMP, "panic+0x10e/0x2bf"), _OOM[:2]
_ALLOC = (f"{_PAGES[0]}+0xbad/0xcf0", _PAGES[1])
_LAST = (
    "FS:  {fs:016x}(0000) GS:{gs:016x}(0000) knlGS:0000000000000000",
    "CS:  0010 DS: 0000 ES: 0000 CR0: 0000000080050033",
    "CR2: {cr2:016x} CR3: {cr3:016x} CR4: 0000000000750ef0", "PKRU: 55555554",
)  # fmt: skip
_ANY = (
    "RSP: 0018:{ksp:016x} EFLAGS: 00000246", "RAX: 0000000000000000 RBX: 0000000000000000 RCX: 0000000000000000",
    "RDX: 0000000000000000 RSI: 0000000000000000 RDI: 0000000000000000",
    "RBP: {bp:016x} R08: 0000000000000000 R09: 0000000000000000",
    "R10: 0000000000000000 R11: 0000000000000000 R12: 0000000000000000",
    "R13: 0000000000000000 R14: {addr:016x} R15: 0000000000000000", *_LAST,
)  # fmt: skip
TRACES = Traces(
    task=True,
    modules=True,
    heads={
        "oom": (*_OOM, *_ALLOC),
        "oom_on": (*_HEADER, "out_of_memory.cold+0x42/0x7e", *_ALLOC),
        "oom_deadlock": (*_HEADER, "out_of_memory.cold+0xa/0x7e", *_ALLOC),
        "memcg": (*_OOM, "mem_cgroup_out_of_memory+0x12f/0x150"),
        "panic": _PANIC,
        "panic_oom_on": (*_PANIC, "out_of_memory.cold+0x67/0x7e", *_ALLOC),
        "panic_oom_deadlock": (*_PANIC, "out_of_memory.cold+0x2f/0x7e", *_ALLOC),
        "sysrq": (*_OOM, "moom_callback+0x71/0xb0", "process_one_work+0x1a5/0x2f0", "worker_thread+0x48/0x380",
                  "kthread+0xd5/0x100", "ret_from_fork+0x22/0x30"),
        "pages": (_DUMP, "warn_alloc+0x14c/0x170", f"{_PAGES[0]}+0xb3d/0xcf0", _PAGES[1]),
        "exceeds": (_DUMP, "warn_alloc+0x14c/0x170", "__vmalloc_node_range+0x84a/0x880"),
        "vm_struct": (_DUMP, "warn_alloc+0x14c/0x170", "__vmalloc_node_range+0x2b3/0x880"),
        "gfp": (_DUMP, "kmalloc_fix_flags+0x47/0x69"),
    },
    via={
        "anon": ("__folio_alloc+0x12/0x40", "vma_alloc_folio+0x97/0x360", "__handle_mm_fault+0x8d9/0x11e0", *_HANDLE),
        "file": ("__folio_alloc+0x12/0x40", "filemap_alloc_folio+0x68/0x100", "__filemap_get_folio+0x150/0x340",
                 "filemap_fault+0x134/0x810", "__do_fault+0x2e/0x1c0", "do_fault+0x1d0/0x500",
                 "__handle_mm_fault+0x61b/0x11e0", *_HANDLE),
        "charge": ("try_charge_memcg+0x6f1/0x7e0", "charge_memcg+0x34/0xe0", "__mem_cgroup_charge+0x23/0x80",
                   "__handle_mm_fault+0x912/0x11e0", *_HANDLE),
        "memory.max": ("memory_max_write+0x11e/0x200", "kernfs_fop_write_iter+0x129/0x200", "vfs_write+0x230/0x3e0",
                       *_WRITE[2:]),
        "exit": _EXIT,
        "sysrq": ("sysrq_handle_crash+0x11/0x20", "__handle_sysrq.cold+0x44/0x11c",
                  "write_sysrq_trigger+0x1f/0x40", *_WRITE),
        "pages": ("ctl_write+0x5ef/0xb80", *_WRITE),
        "slab": ("allocate_slab+0x2b6/0x350", "___slab_alloc+0x331/0x900", _NODE, _KMALLOC, *_WRITE),
        "grow": ("___slab_alloc+0x7ff/0x900", _NODE, _KMALLOC, *_WRITE),
        "large": ("__kmalloc_large_node+0x6d/0x100", _KMALLOC, *_WRITE),
        "grow_large": ("__kmalloc_large_node.cold+0xb/0x39", _KMALLOC, *_WRITE),
        "vmalloc": ("__vmalloc_node+0x3f/0x60", "ctl_write+0x55a/0xb80", *_WRITE),
        "vfree": ("ctl_write+0x5a0/0xb80", *_WRITE),
        "kfree": ("ctl_write+0x50f/0xb80", *_WRITE),
        "destroy": ("ctl_write+0x965/0xb80", *_WRITE),
    },
    fault=(
        "RIP: 0033:0x{ip:x}", "Code: {code}", "RSP: 002b:{sp:016x} EFLAGS: 00000287",
        "RAX: 0000000000000000 RBX: 0000000000000000 RCX: 0000000000000000",
        "RDX: 0000000000000000 RSI: 0000000000000000 RDI: 0000000000000000",
        "RBP: 0000000000000000 R08: 0000000000000000 R09: 0000000000000000",
        "R10: 0000000000000000 R11: 0000000000000000 R12: 0000000000000000",
        "R13: 0000000000000000 R14: 0000000000000000 R15: 0000000000000000",
    ),
    syscall=(
        "RIP: 0033:0x{ip:x}", "Code: {code}", "RSP: 002b:{sp:016x} EFLAGS: 00000202 ORIG_RAX: 0000000000000001",
        "RAX: ffffffffffffffda RBX: 0000000000000003 RCX: {ip:016x}",
        "RDX: 0000000000000012 RSI: {sp:016x} RDI: 0000000000000003",
        "RBP: {sp:016x} R08: 0000000000000000 R09: 0000000000000000",
        "R10: 0000000000000000 R11: 0000000000000202 R12: 0000000000000000",
        "R13: 0000000000000000 R14: 0000000000000000 R15: 0000000000000000",
    ),
    syscall_ip=0,
    kernel_sp=0x3F8,
    warns={
        "order": Warn(
            "mm/page_alloc.c:5634", "__alloc_pages+0x25c/0x2d0",
            "00 00 00 48 89 44 24 08 e9 a7 fe ff ff 83 fd 0a 0f 86 1b fe ff ff 80 3d a7 4c f3 00 00 0f 85 a3 fe ff ff "
            "c6 05 9a 4c f3 00 01 <0f> 0b e9 95 fe ff ff 31 c0 e9 6d fe ff ff f7 c2 00 00 08 00 75 4b",
            ("RSP: 0018:{ksp:016x} EFLAGS: 00000246",
             "RAX: 0000000000000000 RBX: {gfp:016x} RCX: 0000000000000000",
             "RDX: 0000000000000000 RSI: 0000000000000000 RDI: {gfp:016x}",
             "RBP: {order:016x} R08: 0000000000000000 R09: 0000000000000000",
             "R10: {gfp:016x} R11: 0fffffffffffffff R12: 0000000000000000",
             "R13: {bp:016x} R14: 0000000000000000 R15: 0000000000000000", *_LAST),
        ),
        "vmalloc": Warn(
            "mm/vmalloc.c:3227", "__vmalloc_node_range+0x818/0x880",
            "48 89 da e8 ea e5 23 00 84 c0 0f 84 b5 fa ff ff 48 8b 35 d3 2e f5 00 48 8d 53 08 bf 00 20 00 00 e8 4d 51 "
            "e6 ff e9 9b fa ff ff <0f> 0b 31 c0 e9 20 fd ff ff f6 80 31 0c 00 00 01 0f 84 dd fd ff ff",
            ("RSP: 0018:{ksp:016x} EFLAGS: 00000246",
             "RAX: 0000000000000000 RBX: 000000000000000c RCX: ffffe8ffffffffff",
             "RDX: {vmalloc:016x} RSI: 0000000000000001 RDI: 0000000000000000",
             "RBP: {bp:016x} R08: {gfp:016x} R09: 8000000000000163",
             "R10: ffffe8ffffffffff R11: 0fffffffffffffff R12: 0000000000000000",
             "R13: {bp:016x} R14: 0000000000000000 R15: 00000000ffffffff", *_LAST),
        ),
        "bad": Warn(
            "mm/vmalloc.c:2752", "__vunmap+0x32e/0x350",
            "ff e8 96 ca 7d 00 31 d2 31 f6 48 c7 c7 ff ff ff ff e8 46 cd ff ff e9 5c ff ff ff 48 89 fe 48 c7 c7 60 6b "
            "dd 81 e8 12 7c e4 ff <0f> 0b 5b 5d 41 5c 41 5d 41 5e e9 73 d2 7d 00 e9 6e d2 7d 00 48 83",
            _ANY,
        ),
        "nonexistent": Warn(
            "mm/vmalloc.c:2758", "__vunmap+0x79/0x350",
            "4c 3b 73 f8 72 2b 48 8b 5b 08 48 85 db 75 eb 48 c7 c7 9c 6a 6e 82 e8 56 ef 51 00 4c 89 f6 48 c7 c7 88 6b "
            "dd 81 e8 c7 7e e4 ff <0f> 0b e9 b0 02 00 00 48 c7 c7 9c 6a 6e 82 e8 34 ef 51 00 48 83 fb",
            _ANY,
        ),
        "kfree": Warn(
            "mm/slab_common.c:904", "free_large_kmalloc+0x4e/0x80",
            "da 9c 41 5c fa be 06 00 00 00 48 89 df e8 2a 90 08 00 41 f7 c4 00 02 00 00 74 01 fb 89 ee 48 89 df 5b 5d "
            "41 5c e9 82 72 03 00 <0f> 0b 80 3d bb ef f6 00 00 74 09 ba 00 f0 ff ff 31 ed eb c3 48 c7",
            _ANY,
        ),
        "destroy": Warn(
            "mm/slab_common.c:493", "kmem_cache_destroy+0x13c/0x150",
            "00 eb c6 5b 5d 41 5c 41 5d e9 c0 ee 80 00 48 8b 53 60 48 8b 4c 24 20 48 c7 c6 c0 c1 c2 81 48 c7 c7 e8 5e "
            "dd 81 e8 34 98 e7 ff <0f> 0b e9 ea fe ff ff e9 98 ee 80 00 0f 1f 84 00 00 00 00 00 80 3d",
            _ANY,
        ),
    },
    caller="ctl_write+0x55a/0xb80",
    huge_caller="ctl_write+0x4e5/0xb80",
)  # fmt: skip
