"""The tunables of the network, of which this box has none but its loopback: /proc/sys/net (net/core/sysctl_net_core.c,
net/ipv4/sysctl_net_ipv4.c, devinet.c, net/core/neighbour.c).

`name value value …` stands for what the recorded machines show; what follows from the word's width, the ticks of a
second and the RAM is computed.

**Known deviations:** they keep their value, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.digits import is_digits
from memsh.linux.config import ARCHES
from memsh.linux.mm.page_alloc.available import totalram_pages
from memsh.linux.mm.page_alloc.watermark import nr_free_buffer_pages

if TYPE_CHECKING:
    from memsh.linux.arch.x86.arch import Arch
    from memsh.linux.box import Box

_CORE = """
    busy_poll 0, busy_read 0, dev_weight 64, dev_weight_rx_bias 1, dev_weight_tx_bias 1,
    devconf_inherit_init_net 0, fb_tunnels_only_for_init_net 0, flow_limit_cpu_bitmap 0, flow_limit_table_len
    4096, gro_normal_batch 8, high_order_alloc_disable 0, max_skb_frags 17, mem_pcpu_rsv 256, message_burst 10,
    message_cost 5, netdev_budget 300, netdev_max_backlog 1000, netdev_tstamp_prequeue 1,
    netdev_unregister_timeout_secs 10, rps_sock_flow_entries 0, skb_defer_max 64, somaxconn 4096,
    tstamp_allow_data 1, txrehash 1, warnings 0
"""
_BPF = """
    bpf_jit_enable 1, bpf_jit_harden 0, bpf_jit_kallsyms 1, bpf_jit_limit 796917760
"""
_XFRM = """
    xfrm_acq_expires 30, xfrm_aevent_etime 10, xfrm_aevent_rseqth 2, xfrm_larval_drop 1
"""
_IPV4 = """
    fib_notify_on_flag_change 0, fib_sync_mem 524288, fwmark_reflect 0, icmp_echo_enable_probe 0,
    icmp_echo_ignore_all 0, icmp_echo_ignore_broadcasts 1, icmp_errors_use_inbound_ifaddr 0,
    icmp_ignore_bogus_error_responses 1, icmp_msgs_burst 50, icmp_msgs_per_sec 1000, icmp_ratelimit 1000,
    icmp_ratemask 6168, igmp_link_local_mcast_reports 1, igmp_max_memberships 20, igmp_max_msf 10, igmp_qrv 2,
    inet_peer_maxttl 600, inet_peer_minttl 120, ip_autobind_reuse 0, ip_default_ttl 64, ip_dynaddr 0,
    ip_early_demux 1, ip_forward 0, ip_forward_update_priority 1, ip_forward_use_pmtu 0, ip_local_port_range
    32768 60999, ip_local_reserved_ports, ip_no_pmtu_disc 0, ip_nonlocal_bind 0, ip_unprivileged_port_start
    1024, ipfrag_high_thresh 4194304, ipfrag_low_thresh 3145728, ipfrag_max_dist 64, ipfrag_secret_interval 0,
    ipfrag_time 30, nexthop_compat_mode 1, ping_group_range 1 0, tcp_abort_on_overflow 0, tcp_adv_win_scale 1,
    tcp_allowed_congestion_control reno cubic, tcp_app_win 31, tcp_autocorking 1,
    tcp_available_congestion_control reno cubic, tcp_available_ulp, tcp_base_mss 1024, tcp_challenge_ack_limit
    2147483647, tcp_child_ehash_entries 0, tcp_comp_sack_delay_ns 1000000, tcp_comp_sack_nr 44,
    tcp_comp_sack_slack_ns 100000, tcp_congestion_control cubic, tcp_dsack 1, tcp_early_demux 1,
    tcp_early_retrans 3, tcp_ecn 2, tcp_ecn_fallback 1, tcp_fack 0, tcp_fastopen 1,
    tcp_fastopen_blackhole_timeout_sec 0, tcp_fastopen_key 00000000-00000000-00000000-00000000, tcp_fin_timeout
    60, tcp_frto 2, tcp_fwmark_accept 0, tcp_invalid_ratelimit 500, tcp_keepalive_intvl 75, tcp_keepalive_probes
    9, tcp_keepalive_time 7200, tcp_limit_output_bytes 1048576, tcp_low_latency 0, tcp_max_reordering 300,
    tcp_migrate_req 0, tcp_min_rtt_wlen 300, tcp_min_snd_mss 48, tcp_min_tso_segs 2, tcp_moderate_rcvbuf 1,
    tcp_mtu_probe_floor 48, tcp_mtu_probing 0, tcp_no_metrics_save 0, tcp_no_ssthresh_metrics_save 1,
    tcp_notsent_lowat 4294967295,
    tcp_orphan_retries 0, tcp_pacing_ca_ratio 120, tcp_pacing_ss_ratio 200, tcp_probe_interval 600,
    tcp_probe_threshold 8, tcp_recovery 1, tcp_reflect_tos 0, tcp_reordering 3, tcp_retrans_collapse 1,
    tcp_retries1 3, tcp_retries2 15, tcp_rfc1337 0, tcp_sack 1, tcp_shrink_window
    0, tcp_slow_start_after_idle 1, tcp_stdurg 0, tcp_syn_retries 6, tcp_synack_retries 5, tcp_syncookies 1,
    tcp_thin_linear_timeouts 0, tcp_timestamps 1, tcp_tso_rtt_log 9, tcp_tso_win_divisor 3, tcp_tw_reuse 2,
    tcp_window_scaling 1, tcp_workaround_signed_windows 0, udp_early_demux 1,
    udp_rmem_min 4096, udp_wmem_min 4096
"""
_FIB = """
    fib_multipath_hash_fields 7, fib_multipath_hash_policy 0, fib_multipath_use_neigh 0, xfrm4_gc_thresh 32768
"""
_CONF = """
    accept_local 0, accept_redirects 1, accept_source_route 0, arp_accept 0, arp_announce 0, arp_evict_nocarrier
    1, arp_filter 0, arp_ignore 0, arp_notify 0, bc_forwarding 0, bootp_relay 0, disable_policy 0, disable_xfrm
    0, drop_gratuitous_arp 0, drop_unicast_in_l2_multicast 0, force_igmp_version 0, forwarding 0,
    igmpv2_unsolicited_report_interval 10000, igmpv3_unsolicited_report_interval 1000,
    ignore_routes_with_linkdown 0, log_martians 0, mc_forwarding 0, medium_id 0, promote_secondaries 0,
    proxy_arp 0, proxy_arp_pvlan 0, route_localnet 0, rp_filter 0, secure_redirects 1, send_redirects 1,
    shared_media 1, src_valid_mark 0, tag 0
"""
_NEIGH = """
    anycast_delay 100, app_solicit 0, base_reachable_time 30, base_reachable_time_ms 30000,
    delay_first_probe_time 5, gc_stale_time 60, interval_probe_time_ms 5000, locktime 100, mcast_resolicit 0,
    mcast_solicit 3, proxy_delay 80, proxy_qlen 64, retrans_time 100, retrans_time_ms 1000, ucast_solicit 3
"""
_ROUTE = """
    gc_elasticity 8, gc_interval 60, gc_min_interval 0, gc_min_interval_ms 500, gc_thresh -1, gc_timeout 300,
    max_size 2147483647, min_adv_mss 256, min_pmtu 552, mtu_expires 600, redirect_number 9
"""
_GC = "gc_interval 30, gc_thresh1 128, gc_thresh2 512, gc_thresh3 1024"
SKB_TRUESIZE = {4: 704, 8: 832}  # by the bytes of a word: of 256 bytes of data
ETH_TRUESIZE = {4: 1984, 8: 2112}  # of a frame
SKB_SIZE = {4: 192, 8: 256}  # of the struct itself, in whole cache lines
INET_PEER = {4: 160, 8: 192}


def skb_min_truesize(arch: Arch) -> int:
    """TCP_SKB_MIN_TRUESIZE: the least buffer that a socket may have."""
    return 2048 + SKB_SIZE[arch.word]


def _table(folder: str, text: str) -> dict[str, str]:
    found = {}
    for entry in text.split(","):
        name, *values = entry.split()
        separator = " " if values and not is_digits(values[0].lstrip("-")) else "\t"
        found[f"{folder}.{name}"] = separator.join(values)
    return found


NET: dict[str, str] = {
    **_table("net.core", _CORE), **_table("net.core", _BPF), **_table("net.core", _XFRM),
    "net.core.netdev_rss_key": ":".join(["00"] * 52),
    **_table("net.ipv4", _IPV4), **_table("net.ipv4", _FIB),
    **_table("net.ipv4.conf.all", _CONF), **_table("net.ipv4.conf.default", _CONF),
    **_table("net.ipv4.conf.lo", _CONF),
    "net.ipv4.conf.default.accept_source_route": "1", "net.ipv4.conf.lo.accept_source_route": "1",
    "net.ipv4.conf.lo.disable_policy": "1", "net.ipv4.conf.lo.disable_xfrm": "1",
    **_table("net.ipv4.neigh.default", _NEIGH), **_table("net.ipv4.neigh.default", _GC),
    **_table("net.ipv4.neigh.lo", _NEIGH), **_table("net.ipv4.route", _ROUTE), "net.unix.max_dgram_qlen": "10",
}  # fmt: skip
OPTIONS = {**dict.fromkeys(_table("net.core", _BPF), "BPF_JIT"), **dict.fromkeys(_table("net.core", _XFRM), "XFRM"),
           **dict.fromkeys(_table("net.ipv4", _FIB), "XFRM")}  # fmt: skip
READ_ONLY = ("net.core.netdev_rss_key", "net.ipv4.tcp_available_congestion_control", "net.ipv4.tcp_available_ulp",
             "net.ipv4.tcp_ehash_entries",
             *(f"net.ipv4.conf.{name}.mc_forwarding" for name in ("all", "default", "lo")))  # fmt: skip
ROOT_ONLY = ("net.core.bpf_jit_harden", "net.core.bpf_jit_kallsyms", "net.core.bpf_jit_limit")
WRITE_ONLY = ("net.ipv4.route.flush",)
LIVE = ("net.ipv4.inet_peer_threshold", "net.ipv4.tcp_mem", "net.ipv4.udp_mem", "net.ipv4.tcp_ehash_entries",
        "net.ipv4.tcp_max_orphans", "net.ipv4.tcp_max_syn_backlog", "net.ipv4.tcp_max_tw_buckets", "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_wmem")
BUFFERS = {"net.ipv4.tcp_rmem": (4096, 131072, 6 << 20), "net.ipv4.tcp_wmem": (4096, 16384, 4 << 20)}


def scaled(arch: Arch) -> dict[str, str]:
    """What follows from the machine."""
    word, hz = arch.word, arch.hz
    buffers, silence = SKB_TRUESIZE[word] * 256, (hz // 50) << 10
    found = {
        "net.core.netdev_budget_usecs": 2_000_000 // hz, "net.core.optmem_max": word * (2 * 1024 + 512),
        "net.ipv4.route.error_burst": 5 * hz, "net.ipv4.route.error_cost": hz,
        "net.ipv4.route.redirect_load": hz // 50, "net.ipv4.route.redirect_silence": silence,
    }  # fmt: skip
    found |= {f"net.core.{way}mem_{what}": buffers for way in "rw" for what in ("default", "max")}
    for name in ("default", "lo"):
        found[f"net.ipv4.neigh.{name}.unres_qlen"] = -(-buffers // ETH_TRUESIZE[word])
        found[f"net.ipv4.neigh.{name}.unres_qlen_bytes"] = buffers
    return {name: str(value) for name, value in found.items()}


NAMES = (*NET, *scaled(next(iter(ARCHES.values()))), *LIVE, *WRITE_ONLY)  # it has the same names on each machine


def live_value(box: Box, name: str) -> str:
    """What was written, or else tcp_init(), tcp_set_hashinfo(), udp_init(), inet_initpeers(): by the memory that is
    there, and by how many buckets TCP's table of connections got."""
    if name in box.sysctl.text:
        return box.sysctl.text[name]
    machine = box.machine
    total, pages = machine.net_pages or (totalram_pages(box), nr_free_buffer_pages(box.arch, box.pages.zones))
    if name == "net.ipv4.inet_peer_threshold":
        entries = (total << 12) // (100 * INET_PEER[box.arch.word])
        return str(min(max(entries, 4096), 65536 + 128))
    buckets = machine.ehash_entries
    if name == "net.ipv4.tcp_ehash_entries":
        return str(buckets)
    if name.startswith("net.ipv4.tcp_max_"):
        return str(max(128, buckets // 128) if name.endswith("backlog") else buckets // 2)
    if name in BUFFERS:
        least, default, most = BUFFERS[name]
        return f"{least}\t{default}\t{max(max(default, 65536), min(most, pages << 5))}"
    limit = max(pages // (16 if name.endswith("tcp_mem") else 8), 128)
    return f"{limit // 4 * 3}\t{limit}\t{limit // 4 * 3 * 2}"
