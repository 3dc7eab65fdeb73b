"""Where a process of this machine sleeps, as its kernel's symbols and code say: innermost frame first."""

STACKS = {
    "do_wait": ("do_wait+0x106/0x2c0", "kernel_wait4+0xaf/0x150", "__do_sys_wait4+0x4b/0xb0"),
    "pipe_read": ("pipe_read+0x3da/0x470", "vfs_read+0x2d9/0x310", "ksys_read+0xb2/0xe0"),
    "entry": ("do_syscall_64+0x34/0x90", "entry_SYSCALL_64_after_hwframe+0x6e/0xd8"),
    "do_signal_stop": ("do_signal_stop+0x178/0x1e0", "get_signal+0x234/0x890"),
    "get_signal": ("get_signal+0x82a/0x890",),
    "leave": ("arch_do_signal_or_restart+0x3f/0x720", "exit_to_user_mode_prepare+0x176/0x210",
              "syscall_exit_to_user_mode+0x12/0x40", "do_syscall_64+0x40/0x90",
              "entry_SYSCALL_64_after_hwframe+0x6e/0xd8"),
    "kthread": ("kthread+0xd5/0x100",),
    "ret_from_fork": ("ret_from_fork+0x22/0x30",),
    "smpboot_thread_fn": ("smpboot_thread_fn+0x142/0x1c0",),
    "rcu_gp_fqs_loop": ("rcu_gp_fqs_loop+0x13c/0x550", "rcu_gp_kthread+0xd3/0x1a0"),
    "rcu_tasks_one_gp": ("rcu_tasks_one_gp+0x1da/0x3b0", "rcu_tasks_kthread+0x29/0x40"),
    "devtmpfs_work_loop": ("devtmpfs_work_loop+0x312/0x320", "devtmpfsd+0x1d/0x2b"),
    "worker_thread": ("worker_thread+0xaa/0x380",),
    "rescuer_thread": ("rescuer_thread+0x2a9/0x3a0",),
    "oom_reaper": ("oom_reaper+0x14b/0x1e0",),
    "kcompactd": ("kcompactd+0x353/0x3b0",),
    "kthreadd": ("kthreadd+0x2a6/0x2c0",),
    "kswapd": ("kswapd+0x2e2/0x300",),
    "kauditd_thread": ("kauditd_thread+0x1c9/0x2d0",),
    "watchdog": ("watchdog+0x77/0x3f0",),
    "ksm_scan_thread": ("ksm_scan_thread+0x12d2/0x2210",),
    "khugepaged": ("khugepaged+0x59d/0x8c0",),
}
CALLS = {"pipe_read": (0, 3, 0x3DD0D, 0xF82AD, 0), "do_wait": (61, 0xFFFFFFFFFFFFFFFF, 0x492C3, 0, 0)}
