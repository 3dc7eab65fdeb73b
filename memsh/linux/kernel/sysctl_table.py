"""Tunables that have nothing to do with memory: defaults and ranges (kernel/sysctl.c, fs/, ipc/, drivers/).

**Known deviations:** they keep their value, and nothing else; `kernel.random.uuid` is always the same.
"""

from __future__ import annotations

from memsh.linux.include.flags import UINT_MAX

INT_MAX = (1 << 31) - 1
INT_MIN = -(1 << 31)
_INT, _BOOL, _FLAG = (INT_MIN, INT_MAX), (0, 1), (0, INT_MAX)

# name -> (default, lowest, highest)
NUMBERS: dict[str, tuple[int, int, int]] = {
    "debug.exception-trace": (1, *_INT),
    "fs.aio-max-nr": (65536, 0, UINT_MAX),
    "fs.aio-nr": (0, 0, 0),
    "fs.dir-notify-enable": (1, *_INT),
    "fs.inotify.max_queued_events": (16384, *_FLAG),
    "fs.inotify.max_user_instances": (128, *_FLAG),
    "fs.lease-break-time": (45, *_INT),
    "fs.leases-enable": (1, *_INT),
    "fs.mount-max": (100000, 1, UINT_MAX),
    "fs.mqueue.msg_default": (10, 1, 65536),
    "fs.mqueue.msg_max": (10, 1, 65536),
    "fs.mqueue.msgsize_default": (8192, 128, 16 << 20),
    "fs.mqueue.msgsize_max": (8192, 128, 16 << 20),
    "fs.mqueue.queues_max": (256, *_INT),
    "fs.nr_open": (1048576, 32, 0x3FFFFFC0),
    "fs.overflowgid": (65534, 0, 65535),
    "fs.overflowuid": (65534, 0, 65535),
    "fs.pipe-max-size": (1048576, 4096, 1 << 31),
    "fs.pipe-user-pages-hard": (0, 0, UINT_MAX),
    "fs.pipe-user-pages-soft": (16384, 0, UINT_MAX),
    "fs.protected_fifos": (0, 0, 2),
    "fs.protected_hardlinks": (1, *_BOOL),
    "fs.protected_regular": (0, 0, 2),
    "fs.protected_symlinks": (1, *_BOOL),
    "fs.suid_dumpable": (0, 0, 2),
    "kernel.acpi_video_flags": (0, 0, UINT_MAX),
    "kernel.auto_msgmni": (0, *_BOOL),
    "kernel.bootloader_type": (176, 176, 176),
    "kernel.bootloader_version": (0, 0, 0),
    "kernel.cad_pid": (1, 1, 1),
    "kernel.cap_last_cap": (40, 40, 40),
    "kernel.core_pipe_limit": (0, 0, UINT_MAX),
    "kernel.core_uses_pid": (0, *_INT),
    "kernel.ctrl-alt-del": (1, *_INT),
    "kernel.dmesg_restrict": (0, *_BOOL),
    "kernel.io_delay_type": (0, *_INT),
    "kernel.keys.gc_delay": (300, 0, INT_MAX),
    "kernel.keys.maxbytes": (20000, 0, INT_MAX),
    "kernel.keys.maxkeys": (200, 0, INT_MAX),
    "kernel.keys.root_maxbytes": (25000000, 0, INT_MAX),
    "kernel.keys.root_maxkeys": (1000000, 0, INT_MAX),
    "kernel.max_lock_depth": (1024, *_INT),
    "kernel.max_rcu_stall_to_panic": (0, 1, INT_MAX),
    "kernel.msgmax": (8192, 0, INT_MAX),
    "kernel.msgmnb": (16384, 0, INT_MAX),
    "kernel.msgmni": (32000, 0, 32768),
    "kernel.oops_all_cpu_backtrace": (0, *_BOOL),
    "kernel.oops_limit": (10000, 0, UINT_MAX),
    "kernel.overflowgid": (65534, 0, 65535),
    "kernel.overflowuid": (65534, 0, 65535),
    "kernel.panic_on_io_nmi": (0, *_INT),
    "kernel.panic_on_oops": (0, *_INT),
    "kernel.panic_on_rcu_stall": (0, *_BOOL),
    "kernel.panic_on_unrecovered_nmi": (0, *_INT),
    "kernel.panic_on_warn": (0, *_BOOL),
    "kernel.panic_print": (0, 0, UINT_MAX),
    "kernel.perf_cpu_time_max_percent": (25, 0, 100),
    "kernel.perf_event_max_contexts_per_stack": (8, 0, 1000),
    "kernel.perf_event_max_sample_rate": (100000, 1, INT_MAX),
    "kernel.perf_event_max_stack": (127, 0, 640 * 1024),
    "kernel.perf_event_mlock_kb": (516, *_INT),
    "kernel.perf_event_paranoid": (2, *_INT),
    "kernel.print-fatal-signals": (0, *_INT),
    "kernel.printk_delay": (0, 0, 10000),
    "kernel.printk_ratelimit": (5, 0, INT_MAX),
    "kernel.printk_ratelimit_burst": (10, *_INT),
    "kernel.pty.max": (4096, 0, 1 << 20),
    "kernel.pty.nr": (0, 0, 0),
    "kernel.pty.reserve": (1024, 0, 1 << 20),
    "kernel.random.entropy_avail": (256, 256, 256),
    "kernel.random.poolsize": (256, 256, 256),
    "kernel.random.urandom_min_reseed_secs": (60, *_INT),
    "kernel.random.write_wakeup_threshold": (256, *_INT),
    "kernel.real-root-dev": (0, *_INT),
    "kernel.sched_child_runs_first": (0, 0, UINT_MAX),
    "kernel.sched_deadline_period_max_us": (4194304, 0, UINT_MAX),
    "kernel.sched_deadline_period_min_us": (100, 0, UINT_MAX),
    "kernel.sched_rr_timeslice_ms": (100, *_INT),
    "kernel.sched_rt_period_us": (1000000, 1, INT_MAX),
    "kernel.sched_rt_runtime_us": (950000, -1, INT_MAX),
    "kernel.shm_rmid_forced": (0, *_BOOL),
    "kernel.shmmni": (4096, 0, 32768),
    "kernel.split_lock_mitigate": (1, *_BOOL),
    "kernel.sysctl_writes_strict": (1, -1, 1),
    "kernel.sysrq": (1, *_INT),
    "kernel.tainted": (0, 0, UINT_MAX),
    "kernel.task_delayacct": (0, *_BOOL),
    "kernel.timer_migration": (1, *_BOOL),
    "kernel.unknown_nmi_panic": (0, *_INT),
    "kernel.warn_limit": (0, 0, UINT_MAX),
}
# several numbers, each in a range of its own: name -> (defaults, lowest, highest)
VECTORS: dict[str, tuple[tuple[int, ...], int, int]] = {
    "kernel.acct": ((4, 2, 30), INT_MIN, INT_MAX),
    "kernel.printk": ((4, 4, 1, 7), INT_MIN, INT_MAX),
    "kernel.sem": ((32000, 1024000000, 500, 32000), INT_MIN, INT_MAX),
    "kernel.usermodehelper.bset": ((UINT_MAX, 511), 0, UINT_MAX),
    "kernel.usermodehelper.inheritable": ((UINT_MAX, 511), 0, UINT_MAX),
}
# words: name -> (default, longest)
WORDS: dict[str, tuple[str, int]] = {
    "kernel.core_pattern": ("core", 127),
    "kernel.poweroff_cmd": ("/sbin/poweroff", 255),
    "kernel.printk_devkmsg": ("ratelimit", 9),
    "kernel.random.boot_id": ("e673b263-39ed-4aa6-9802-adc4c82c731d", 36),
    "kernel.random.uuid": ("2dbb59d7-4a16-4fe1-a9a7-f9978ec21c89", 36),
    "kernel.seccomp.actions_avail": ("kill_process kill_thread trap errno user_notif trace log allow", 80),
    "kernel.seccomp.actions_logged": ("kill_process kill_thread trap errno user_notif trace log", 80),
}
CHOICES = {"kernel.printk_devkmsg": ("on", "off", "ratelimit")}
FIXED = (
    "fs.aio-nr", "kernel.bootloader_type", "kernel.bootloader_version", "kernel.cap_last_cap", "kernel.pty.nr",
    "kernel.random.boot_id", "kernel.random.entropy_avail", "kernel.random.poolsize", "kernel.random.uuid",
    "kernel.seccomp.actions_avail",
)  # fmt: skip
# what counts something: its value is asked for
LIVE = ("fs.dentry-state", "fs.epoll.max_user_watches", "fs.file-max", "fs.file-nr", "fs.inode-nr", "fs.inode-state",
        "fs.inotify.max_user_watches", "kernel.arch", "kernel.shmall", "kernel.shmmax")  # fmt: skip
COUNTERS = ("fs.dentry-state", "fs.file-nr", "fs.inode-nr", "fs.inode-state", "kernel.arch")  # cannot be written
