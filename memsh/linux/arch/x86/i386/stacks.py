"""Where a process of this machine sleeps, as its kernel's symbols and code say: innermost frame first."""

STACKS = {
    "do_wait": ("do_wait+0x110/0x2b0", "kernel_wait4+0x8e/0x110", "__ia32_sys_wait4+0x3f/0x90",
                "ia32_sys_call+0xd55/0x11b0"),
    "pipe_read": ("pipe_read+0x35d/0x400", "vfs_read+0x30b/0x330", "ksys_read+0xa0/0xe0", "__ia32_sys_read+0x10/0x20",
                  "ia32_sys_call+0x1186/0x11b0"),
    "entry": ("__do_fast_syscall_32+0x45/0xb0", "do_fast_syscall_32+0x32/0x70", "do_SYSENTER_32+0x15/0x20",
              "entry_SYSENTER_32+0x98/0xfb"),
    "do_signal_stop": ("do_signal_stop+0x17b/0x1f0", "get_signal+0x219/0x840"),
    "leave": ("arch_do_signal_or_restart+0x27/0x570", "exit_to_user_mode_prepare+0x12c/0x190",
              "syscall_exit_to_user_mode+0x1b/0x40", "__do_fast_syscall_32+0x4f/0xb0", "do_fast_syscall_32+0x32/0x70",
              "do_SYSENTER_32+0x15/0x20", "entry_SYSENTER_32+0x98/0xfb"),
    "kthread": ("kthread+0xb7/0xe0",),
    "ret_from_fork": ("ret_from_fork+0x19/0x24",),
    "smpboot_thread_fn": ("smpboot_thread_fn+0x155/0x200",),
    "rcu_gp_fqs_loop": ("rcu_gp_fqs_loop+0xfa/0x400", "rcu_gp_kthread+0x7d/0x100"),
    "devtmpfs_work_loop": ("devtmpfsd+0x265/0x276",),  # the loop is compiled into it
    "worker_thread": ("worker_thread+0xa8/0x400",),
    "rescuer_thread": ("rescuer_thread+0x22c/0x340",),
    "oom_reaper": ("oom_reaper+0x135/0x1d0",),
    "kcompactd": ("kcompactd+0x203/0x270",),
    "kthreadd": ("kthreadd+0xd5/0xf0",),
    "kswapd": ("kswapd+0x778/0x790",),
}  # fmt: skip
CALLS = {"pipe_read": (3, 3, 0, 0, 0x549), "do_wait": (114, 0xFFFFFFFF, 0, 0, 0x549)}
