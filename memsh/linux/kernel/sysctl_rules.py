"""Which numbers each tunable takes: the handler and the bounds of its ctl_table (kernel/sysctl.c, mm/, fs/, net/ …).

`handler low high: names`; `-` is no bound, a word is one of _bound() or the name of a tunable that holds it, `*` is any
interface. A name that stands nowhere here takes any int (proc_dointvec).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from memsh.linux.include.flags import INT_MAX, UINT_MAX
from memsh.linux.kernel.proc_handlers import Handler
from memsh.linux.kernel.sysctl_net import ETH_TRUESIZE, skb_min_truesize

if TYPE_CHECKING:
    from memsh.linux.box import Box

PID_MAX_LIMIT = {4: 1 << 15, 8: 4 << 20}  # by the bytes of a word

_RULES = """\
bool: vm.hugetlb_optimize_vmemmap
int -1 1: kernel.sysctl_writes_strict
int -1 -: kernel.hung_task_warnings kernel.sched_rt_runtime_us
int -31 31: net.ipv4.tcp_adv_win_scale
int 0 1: abi.vsyscall32 dev.tty.ldisc_autoload fs.protected_hardlinks fs.protected_symlinks kernel.auto_msgmni
    kernel.bpf_stats_enabled kernel.dmesg_restrict kernel.hardlockup_all_cpu_backtrace kernel.hardlockup_panic
    kernel.hung_task_all_cpu_backtrace kernel.hung_task_panic kernel.oops_all_cpu_backtrace kernel.panic_on_rcu_stall
    kernel.panic_on_warn kernel.sched_autogroup_enabled kernel.sched_schedstats kernel.shm_rmid_forced
    kernel.soft_watchdog kernel.softlockup_all_cpu_backtrace kernel.softlockup_panic kernel.task_delayacct
    kernel.timer_migration kernel.watchdog net.core.bpf_jit_kallsyms net.core.high_order_alloc_disable
    net.core.tstamp_allow_data vm.compact_unevictable_allowed vm.highmem_is_dirtyable vm.numa_stat
    vm.memory_failure_early_kill vm.memory_failure_recovery vm.unprivileged_userfaultfd
int 0 100: kernel.perf_cpu_time_max_percent vm.compaction_proactiveness vm.dirty_background_ratio vm.dirty_ratio
    vm.min_slab_ratio vm.min_unmapped_ratio
int 0 1000: kernel.perf_event_max_contexts_per_stack net.ipv4.tcp_pacing_ca_ratio net.ipv4.tcp_pacing_ss_ratio
    vm.extfrag_threshold
int 0 10000: kernel.printk_delay
int 0 2: fs.protected_fifos fs.protected_regular fs.suid_dumpable kernel.kptr_restrict
    kernel.unprivileged_bpf_disabled net.core.bpf_jit_enable net.core.bpf_jit_harden
    net.core.fb_tunnels_only_for_init_net vm.overcommit_memory vm.panic_on_oom
int 0 200: vm.swappiness
int 0 3: kernel.yama.ptrace_scope net.core.devconf_inherit_init_net
int 256 -: net.core.mem_pcpu_rsv
int 0 32768: kernel.msgmni kernel.shmmni
int 0 4: kernel.numa_balancing
int 0 60: kernel.watchdog_thresh
int 0 65535: fs.overflowgid fs.overflowuid kernel.overflowgid kernel.overflowuid net.ipv4.ip_unprivileged_port_start
int 0 655360: kernel.perf_event_max_stack
int 0 86400: net.ipv4.tcp_min_rtt_wlen
int 0 -: fs.fanotify.max_queued_events fs.inotify.max_queued_events kernel.hung_task_check_count kernel.keys.gc_delay
    kernel.msg_next_id kernel.msgmax kernel.msgmnb kernel.numa_balancing_promote_rate_limit_MBps kernel.pty.max
    kernel.pty.reserve kernel.sem_next_id kernel.shm_next_id net.core.busy_poll net.core.busy_read
    net.core.skb_defer_max net.core.somaxconn net.ipv4.icmp_msgs_burst net.ipv4.icmp_msgs_per_sec
    net.ipv4.ipfrag_max_dist net.ipv4.neigh.*.app_solicit net.ipv4.neigh.*.mcast_resolicit
    net.ipv4.neigh.*.mcast_solicit net.ipv4.neigh.*.proxy_qlen net.ipv4.neigh.*.ucast_solicit
    net.ipv4.neigh.*.unres_qlen_bytes net.ipv4.neigh.default.gc_thresh1 net.ipv4.neigh.default.gc_thresh2
    net.ipv4.neigh.default.gc_thresh3 net.ipv4.tcp_fastopen_blackhole_timeout_sec vm.dirty_expire_centisecs
    vm.dirtytime_expire_seconds vm.legacy_va_layout vm.max_map_count vm.min_free_kbytes vm.page-cluster
    vm.page_lock_unfairness vm.percpu_pagelist_high_fraction vm.vfs_cache_pressure vm.watermark_boost_factor
    vm.zone_reclaim_mode
int 0 kernel.pid_max: kernel.ns_last_pid
int 0 unres_qlen: net.ipv4.neigh.*.unres_qlen
int 1 1: kernel.kexec_load_disabled kernel.modules_disabled
int 1 1073741823: kernel.threads-max
int 1 17: net.core.max_skb_frags
int 1 3000: vm.watermark_scale_factor
int 1 3600: net.core.netdev_unregister_timeout_secs
int 1 4: vm.drop_caches
int 1 65535: net.ipv4.ip_local_port_range
int 1 65536: fs.mqueue.msg_default fs.mqueue.msg_max
int 1 -: fs.mount-max kernel.keys.maxbytes kernel.keys.maxkeys kernel.keys.root_maxbytes kernel.keys.root_maxkeys
    kernel.max_rcu_stall_to_panic kernel.perf_event_max_sample_rate kernel.sched_cfs_bandwidth_slice_us
    kernel.sched_rt_period_us net.core.dev_weight net.core.dev_weight_rx_bias net.core.dev_weight_tx_bias
    net.core.gro_normal_batch net.ipv4.igmp_qrv net.ipv4.tcp_max_reordering net.ipv4.tcp_wmem net.ipv4.udp_rmem_min
    net.ipv4.udp_wmem_min
int 1 net.ipv4.tcp_max_reordering: net.ipv4.tcp_reordering
int 128 16777216: fs.mqueue.msgsize_default fs.mqueue.msgsize_max
int 4096 -: net.ipv4.tcp_rmem
int 48 65535: net.ipv4.tcp_min_snd_mss net.ipv4.tcp_mtu_probe_floor
int 68 -: net.ipv4.route.min_pmtu
int 8 16: vm.mmap_rnd_compat_bits
int pid_max_min pid_max_max: kernel.pid_max
int rcvbuf -: net.core.rmem_default net.core.rmem_max
int rnd_low rnd_high: vm.mmap_rnd_bits
int sndbuf -: net.core.wmem_default net.core.wmem_max
int two_ticks -: net.core.netdev_budget_usecs
jiffies: kernel.printk_ratelimit net.core.message_cost net.ipv4.inet_peer_maxttl net.ipv4.inet_peer_minttl
    net.ipv4.ipfrag_secret_interval net.ipv4.ipfrag_time net.ipv4.neigh.*.base_reachable_time
    net.ipv4.neigh.*.delay_first_probe_time net.ipv4.neigh.*.gc_stale_time net.ipv4.neigh.default.gc_interval
    net.ipv4.route.gc_interval net.ipv4.route.gc_min_interval net.ipv4.route.gc_timeout net.ipv4.route.mtu_expires
    net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_time vm.laptop_mode vm.stat_interval
ms_jiffies: net.ipv4.icmp_ratelimit net.ipv4.neigh.*.base_reachable_time_ms net.ipv4.neigh.*.retrans_time_ms
    net.ipv4.route.gc_min_interval_ms net.ipv4.tcp_invalid_ratelimit
ms_jiffies one_ms -: net.ipv4.neigh.*.interval_probe_time_ms
u8 1 127: net.ipv4.tcp_syn_retries
u8 1 -: net.ipv4.ip_default_ttl net.ipv4.tcp_min_tso_segs
u8 - 1: net.core.txrehash net.ipv4.fib_multipath_use_neigh net.ipv4.icmp_echo_enable_probe
    net.ipv4.icmp_echo_ignore_all net.ipv4.icmp_echo_ignore_broadcasts net.ipv4.icmp_errors_use_inbound_ifaddr
    net.ipv4.icmp_ignore_bogus_error_responses net.ipv4.ip_autobind_reuse net.ipv4.ip_forward_update_priority
    net.ipv4.nexthop_compat_mode net.ipv4.tcp_autocorking net.ipv4.tcp_ecn_fallback net.ipv4.tcp_migrate_req
    net.ipv4.tcp_no_ssthresh_metrics_save net.ipv4.tcp_reflect_tos net.ipv4.tcp_shrink_window
u8 - 2: net.ipv4.fib_notify_on_flag_change net.ipv4.tcp_ecn net.ipv4.tcp_tw_reuse
u8 - 3: net.ipv4.fib_multipath_hash_policy
u8 - 31: net.ipv4.tcp_app_win
u8 - 4: net.ipv4.tcp_early_retrans
u8: net.ipv4.fwmark_reflect net.ipv4.igmp_link_local_mcast_reports net.ipv4.ip_dynaddr net.ipv4.ip_early_demux
    net.ipv4.ip_forward_use_pmtu net.ipv4.ip_no_pmtu_disc net.ipv4.ip_nonlocal_bind net.ipv4.tcp_abort_on_overflow
    net.ipv4.tcp_comp_sack_nr net.ipv4.tcp_dsack net.ipv4.tcp_early_demux net.ipv4.tcp_fack net.ipv4.tcp_frto
    net.ipv4.tcp_fwmark_accept net.ipv4.tcp_keepalive_probes net.ipv4.tcp_moderate_rcvbuf net.ipv4.tcp_mtu_probing
    net.ipv4.tcp_no_metrics_save net.ipv4.tcp_orphan_retries net.ipv4.tcp_recovery net.ipv4.tcp_retrans_collapse
    net.ipv4.tcp_retries1 net.ipv4.tcp_retries2 net.ipv4.tcp_rfc1337 net.ipv4.tcp_sack
    net.ipv4.tcp_slow_start_after_idle net.ipv4.tcp_stdurg net.ipv4.tcp_synack_retries net.ipv4.tcp_syncookies
    net.ipv4.tcp_thin_linear_timeouts net.ipv4.tcp_timestamps net.ipv4.tcp_tso_rtt_log net.ipv4.tcp_tso_win_divisor
    net.ipv4.tcp_window_scaling net.ipv4.tcp_workaround_signed_windows net.ipv4.udp_early_demux
uint 1 4095: net.ipv4.fib_multipath_hash_fields
uint 65536 67108864: net.ipv4.fib_sync_mem
uint - 1: kernel.split_lock_mitigate
uint - 16777216: net.ipv4.tcp_child_ehash_entries
uint: kernel.oops_limit kernel.warn_limit net.core.xfrm_aevent_etime net.core.xfrm_aevent_rseqth
    net.ipv4.tcp_notsent_lowat
uint - kernel.sched_deadline_period_max_us: kernel.sched_deadline_period_min_us
uint - u32_seconds: net.ipv4.tcp_probe_interval
uint kernel.sched_deadline_period_min_us -: kernel.sched_deadline_period_max_us
uint word_bits nr_open: fs.nr_open
ulong 1 1593835520: net.core.bpf_jit_limit
ulong 1 -: vm.dirty_background_bytes
ulong 8192 -: vm.dirty_bytes
ulong - 2147483647: fs.fanotify.max_user_groups fs.fanotify.max_user_marks fs.inotify.max_user_instances
    fs.inotify.max_user_watches user.max_cgroup_namespaces user.max_fanotify_groups user.max_fanotify_marks
    user.max_inotify_instances user.max_inotify_watches user.max_ipc_namespaces user.max_mnt_namespaces
    user.max_net_namespaces user.max_pid_namespaces user.max_time_namespaces user.max_user_namespaces
    user.max_uts_namespaces
pipe_size: fs.pipe-max-size
ulong - 4294967294: net.ipv4.ping_group_range
ulong: fs.aio-max-nr fs.pipe-user-pages-hard fs.pipe-user-pages-soft kernel.acpi_video_flags kernel.panic_print
    kernel.shmall kernel.shmmax kernel.tainted kernel.usermodehelper.bset kernel.usermodehelper.inheritable
    net.ipv4.tcp_comp_sack_delay_ns net.ipv4.tcp_comp_sack_slack_ns net.ipv4.tcp_mem net.ipv4.udp_mem
    vm.admin_reserve_kbytes vm.mmap_min_addr vm.nr_hugepages vm.nr_hugepages_mempolicy vm.nr_overcommit_hugepages
    vm.overcommit_kbytes vm.user_reserve_kbytes
ulong - net.ipv4.ipfrag_high_thresh: net.ipv4.ipfrag_low_thresh
ulong net.ipv4.ipfrag_low_thresh -: net.ipv4.ipfrag_high_thresh
ulong - long_max: fs.epoll.max_user_watches fs.file-max
ulong - long_seconds: kernel.hung_task_check_interval_secs kernel.hung_task_timeout_secs
userhz_jiffies: net.ipv4.neigh.*.anycast_delay net.ipv4.neigh.*.locktime net.ipv4.neigh.*.proxy_delay
    net.ipv4.neigh.*.retrans_time
"""


def _bound(box: Box, word: str) -> int | None:
    """What a word stands for; None if it is no such word."""
    arch = box.arch
    long_max = (1 << arch.bits - 1) - 1
    return {
        "long_max": long_max, "long_seconds": long_max // arch.hz,
        "nr_open": min(INT_MAX, (1 << arch.bits) // arch.word - 1) & -arch.bits,
        "one_ms": 1,
        "pid_max_max": PID_MAX_LIMIT[arch.word], "pid_max_min": max(301, 8 * box.config.cpus),
        "rcvbuf": skb_min_truesize(arch), "sndbuf": 2 * skb_min_truesize(arch),
        "rnd_high": arch.mmap_rnd_bits[1], "rnd_low": arch.mmap_rnd_bits[0],
        "two_ticks": 2_000_000 // arch.hz, "u32_seconds": UINT_MAX // arch.hz,
        "unres_qlen": INT_MAX // ETH_TRUESIZE[arch.word], "word_bits": arch.bits,
    }.get(word)  # fmt: skip


# one number in two units: a name -> (the other, times, over)
TWINS = {
    "base_reachable_time": ("base_reachable_time_ms", 1000, 1), "gc_min_interval": ("gc_min_interval_ms", 1000, 1),
    "base_reachable_time_ms": ("base_reachable_time", 1, 1000), "gc_min_interval_ms": ("gc_min_interval", 1, 1000),
    "retrans_time": ("retrans_time_ms", 10, 1), "retrans_time_ms": ("retrans_time", 1, 10),
}  # fmt: skip


def twin(box: Box, name: str) -> tuple[str, int, int]:
    """The tunable that shows the same in another unit, and what its number is times and over; "" if there is none."""
    folder, _, last = name.rpartition(".")
    truesize = ETH_TRUESIZE[box.arch.word]
    other, times, over = {"unres_qlen": ("unres_qlen_bytes", truesize, 1),
                          "unres_qlen_bytes": ("unres_qlen", 1, truesize), **TWINS}.get(last, ("", 1, 1))  # fmt: skip
    return f"{folder}.{other}" if other else "", times, over


@cache
def _rules() -> dict[str, tuple[str, str, str]]:
    found: dict[str, tuple[str, str, str]] = {}
    for line in _RULES.replace("\n    ", " ").splitlines():
        head, names = line.split(": ")
        handler, low, high = head.split() if " " in head else (head, "-", "-")
        found |= dict.fromkeys(names.split(), (handler, low, high))
    return found


def handler(box: Box, name: str, value: Callable[[Box, str], str]) -> Handler:
    """What takes the numbers that are written to `name`; `value` tells what another tunable holds."""

    def bound(word: str) -> int | None:
        if word == "-":
            return None
        known = _bound(box, word)
        if known is not None:
            return known
        return int(value(box, word)) if word[0].isalpha() else int(word)

    parts = name.split(".")
    of_any = ".".join([*parts[:3], "*", *parts[4:]])
    rules = _rules()
    kind, low, high = rules.get(name) or rules.get(of_any) or ("int", "-", "-")
    return Handler(kind, bound(low), bound(high), box.arch.bits, box.arch.hz)
