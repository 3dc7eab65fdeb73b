"""Call traces of the recorded i386 kernel."""

from memsh.linux.arch.x86.traces import Traces, Warn

_DUMP = ("dump_stack_lvl+0x32/0x41", "dump_stack+0xd/0x10")
_OOM = (*_DUMP, "dump_header+0x41/0x29b", "oom_kill_process.cold+0x9/0x35", "out_of_memory+0x2a7/0x3c0")
_FAULT = ("exc_page_fault+0x188/0x3f0", "handle_exception+0x130/0x130")
_SLAB = ("cache_alloc_refill+0x255/0x5e0", "__kmem_cache_alloc_node+0x131/0x160", "__kmalloc+0x3a/0x70")
_LARGE = ("__kmalloc_large_node+0x59/0xa0", "__kmalloc+0x5a/0x70")
_WRITE = (
    "proc_reg_write+0x6b/0xa0", "vfs_write+0xad/0x400", "ksys_write+0x60/0xe0", "__ia32_sys_write+0x10/0x20",
    "ia32_sys_call+0x117c/0x11b0", "__do_fast_syscall_32+0x45/0xb0", "do_fast_syscall_32+0x32/0x70",
    "do_SYSENTER_32+0x15/0x20", "entry_SYSENTER_32+0x98/0xfb",
)  # fmt: skip
_EXIT = (
    "do_exit.cold+0x19/0x19", "do_group_exit+0x26/0x80", "get_signal+0x7e3/0x840",
    "arch_do_signal_or_restart+0x27/0x570", "exit_to_user_mode_prepare+0x12c/0x190",
    "syscall_exit_to_user_mode+0x1b/0x40", "__do_fast_syscall_32+0x4f/0xb0",
    "do_fast_syscall_32+0x32/0x70", "do_SYSENTER_32+0x15/0x20", "entry_SYSENTER_32+0x98/0xfb",
)  # fmt: skip
_PANIC, _ALLOC = (*_DUMP, "panic+0xa8/0x1f4"), "__alloc_pages+0xa38/0xb90"
_HEADER = _OOM[:3]
_SEGMENTS = "DS: 007b ES: 007b FS: 00d8 GS: 0033 SS: 0068 EFLAGS: 00000246"
_CONTROL = "CR0: 80050033 CR2: {cr2:08x} CR3: {cr3:08x} CR4: 00000690"
_ANY = (
    "EAX: 00000000 EBX: 00000000 ECX: 00000000 EDX: 00000000",
    "ESI: {addr:08x} EDI: 00000000 EBP: {bp:08x} ESP: {ksp:08x}",
    _SEGMENTS, _CONTROL,
)  # fmt: skip
TRACES = Traces(
    task=False,
    modules=False,
    heads={
        "oom": (*_OOM, _ALLOC),
        "oom_on": (*_HEADER, "out_of_memory.cold+0x9/0x76", _ALLOC),
        "oom_deadlock": (*_HEADER, "out_of_memory.cold+0x36/0x76", _ALLOC),
        "panic": _PANIC,
        "panic_oom_on": (*_PANIC, "out_of_memory.cold+0x2d/0x76", _ALLOC),
        "panic_oom_deadlock": (*_PANIC, "out_of_memory.cold+0x5a/0x76", _ALLOC),
        "sysrq": (*_OOM, "moom_callback+0x41/0x60", "process_one_work+0x177/0x2b0", "worker_thread+0x3f/0x400",
                  "kthread+0xb7/0xe0", "ret_from_fork+0x19/0x24"),
        "pages": (*_DUMP, "warn_alloc+0xd0/0xf0", "__alloc_pages+0x9dc/0xb90"),
        "exceeds": (*_DUMP, "warn_alloc+0xd0/0xf0", "__vmalloc_node_range+0x42a/0x540"),
        "vm_struct": (*_DUMP, "warn_alloc+0xd0/0xf0", "__vmalloc_node_range+0x98/0x540"),
        "gfp": (*_DUMP, "kmalloc_fix_flags+0x32/0x37"),
    },
    via={
        "anon": ("__folio_alloc+0x19/0x20", "handle_mm_fault+0x790/0xa70", *_FAULT),
        "file": ("__folio_alloc+0x19/0x20", "__filemap_get_folio+0x143/0x320", "filemap_fault+0x186/0x6e0",
                 "__do_fault+0x28/0x90", "handle_mm_fault+0x70d/0xa70", *_FAULT),
        "exit": _EXIT,
        "sysrq": ("sysrq_handle_crash+0x17/0x20", "__handle_sysrq.cold+0x43/0x11d",
                  "write_sysrq_trigger+0x1f/0x30", *_WRITE),
        "pages": ("ctl_write+0x36d/0x780", *_WRITE),
        "slab": (*_SLAB, "ctl_write+0x1e3/0x780", *_WRITE),
        "grow": ("cache_alloc_refill+0x4e1/0x5e0", *_SLAB[1:], "ctl_write+0x1e3/0x780", *_WRITE),
        "large": (*_LARGE, "ctl_write+0x1e3/0x780", *_WRITE),
        "grow_large": ("__kmalloc_large_node.cold+0x2f/0x37", _LARGE[1], "ctl_write+0x1e3/0x780", *_WRITE),
        "vmalloc": ("vmalloc+0x67/0x70", "ctl_write+0x273/0x780", *_WRITE),
        "vfree": ("vfree+0x3f/0xa0", "ctl_write+0x3b3/0x780", *_WRITE),
        "kfree": ("kfree+0x5d/0x70", "ctl_write+0x243/0x780", *_WRITE),
        "destroy": ("ctl_write+0x6ba/0x780", *_WRITE),
    },
    fault=(
        "EIP: 0x{ip:x}", "Code: {code}", "EAX: 00000000 EBX: 00000000 ECX: 00000000 EDX: 00000000",
        "ESI: 00000000 EDI: 00000000 EBP: 00000000 ESP: {sp:08x}",
        "DS: 007b ES: 007b FS: 0000 GS: 0033 SS: 007b EFLAGS: 00000286",
    ),
    syscall=(
        "EIP: 0x{ip:x}", "Code: {code}", "EAX: ffffffda EBX: 00000003 ECX: {sp:08x} EDX: 00000012",
        "ESI: 00000000 EDI: {sp:08x} EBP: 00000000 ESP: {sp:08x}",
        "DS: 007b ES: 007b FS: 0000 GS: 0033 SS: 007b EFLAGS: 00000246",
    ),
    syscall_ip=0x549,
    kernel_sp=0x35C,
    warns={
        "order": Warn(
            "mm/page_alloc.c:5634", "__alloc_pages+0x13e/0xb90",
            "00 eb 86 8d b4 26 00 00 00 00 66 90 83 7d b0 0a 0f 86 0d ff ff ff 80 3d 9d eb 7e c1 00 0f 85 77 ff ff ff "
            "b0 01 a2 9d eb 7e c1 <0f> 0b 31 c0 eb bf 8d 74 26 00 a9 00 00 08 00 0f 85 ef 00 00 00 a9",
            ("EAX: 00000001 EBX: 00000000 ECX: {gfp:08x} EDX: 00000000",
             "ESI: {order:08x} EDI: {gfp:08x} EBP: {bp:08x} ESP: {ksp:08x}", _SEGMENTS, _CONTROL),
        ),
        "vmalloc": Warn(
            "mm/vmalloc.c:3227", "__vmalloc_node_range+0x408/0x540",
            "e2 ff ff fb ff 09 fa 89 51 1c eb 87 64 a1 dc 46 88 c1 8b 48 1c 81 48 1c 00 00 08 00 81 e1 00 00 08 00 89 "
            "4d e8 e9 11 fe ff ff <0f> 0b e9 89 fc ff ff 89 5c 24 0c b9 60 3c 6a c1 31 db 89 4c 24 08",
            ("EAX: 00000000 EBX: 00000000 ECX: {vmalloc:08x} EDX: 00000001",
             "ESI: {gfp:08x} EDI: {bp:08x} EBP: {bp:08x} ESP: {ksp:08x}", _SEGMENTS, _CONTROL),
        ),
        "bad": Warn(
            "mm/vmalloc.c:2752", "__vunmap+0x262/0x290",
            "7f c1 00 74 ba e8 f6 6a 46 00 31 c9 31 d2 b8 ff ff ff ff e8 c0 d3 ff ff eb a5 89 74 24 04 c7 04 24 0c 3c "
            "6a c1 e8 9e bf f1 ff <0f> 0b e9 0b fe ff ff 80 3d 28 11 7f c1 00 c7 45 f0 ff ff ff ff c7",
            _ANY,
        ),
        "nonexistent": Warn(
            "mm/vmalloc.c:2758", "__vunmap+0x72/0x290",
            "73 f8 72 f4 3b 73 fc 72 2f 8b 5b 04 85 db 75 ef b8 f4 bf 8e c1 e8 ae 51 46 00 89 74 24 04 c7 04 24 30 3c "
            "6a c1 e8 8e c1 f1 ff <0f> 0b 83 c4 18 5b 5e 5f 5d c3 8d 74 26 00 b8 f4 bf 8e c1 e8 86 51",
            _ANY,
        ),
        "kfree": Warn(
            "mm/slab_common.c:904", "free_large_kmalloc+0x50/0x80",
            "89 c1 ba 06 00 00 00 b8 20 df 7e c1 e8 79 bb ff ff 8b 55 f8 89 d8 e8 bf 48 02 00 8b 5d fc 89 ec 5d c3 8d "
            "b4 26 00 00 00 00 90 <0f> 0b 80 3d 99 eb 7e c1 00 74 0c 31 c0 b9 00 f0 ff ff 89 45 f8 eb",
            _ANY,
        ),
        "destroy": Warn(
            "mm/slab_common.c:493", "kmem_cache_destroy+0x10c/0x130",
            "b4 26 00 00 00 00 c3 8b 45 04 89 44 24 0c 8b 43 3c c7 04 24 f4 30 6a c1 89 44 24 08 b8 c0 bb 5a c1 89 44 "
            "24 04 e8 44 9f f3 ff <0f> 0b b8 54 33 7d c1 e8 28 ee 47 00 e8 13 ae f3 ff e9 16 ff ff ff",
            _ANY,
        ),
    },
    caller="ctl_write+0x273/0x780",
    huge_caller="",
)  # fmt: skip
