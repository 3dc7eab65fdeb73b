"""/proc/net, which is each process's own: the loopback interface, and nobody who talks (fs/proc/proc_net.c, net/).

What differs between the machines stands among their facts.

**Known deviations:** there is no network: tables of sockets are empty, counters 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.procfs import facts
from memsh.procfs.node import Directory, ProcFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from memsh.linux.box import Box

_TABLE = "local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
TEXTS = {
    "arp": "IP address       HW type     Flags       HW address            Mask     Device\n",
    "dev": "Inter-|   Receive                                                |  Transmit\n"
           " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls "
           "carrier compressed\n"
           "    lo:       0       0    0    0    0     0          0         0        0       0    0    0    0     0"
           "       0          0\n",
    "dev_mcast": "",
    "icmp": f"  sl  {_TABLE} ref pointer drops             \n",
    "igmp": "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter\n",
    "ptype": "Type Device      Function\n0800          ip_rcv\n0806          arp_rcv\n",
    "raw": f"  sl  {_TABLE} ref pointer drops\n",
    "sockstat": "sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nUDP: inuse 0 mem 0\nUDPLITE: inuse 0\n"
                "RAW: inuse 0\nFRAG: inuse 0 memory 0\n",
    "tcp": f"  sl  {_TABLE}" + " " * 53 + "\n",
    "udp": f"   sl  {_TABLE} ref pointer drops            \n",
    "udplite": f"   sl  {_TABLE} ref pointer drops            \n",
    "unix": "Num       RefCount Protocol Flags    Type St Inode Path\n",
}  # fmt: skip


_ROUTES = ("entries  in_hit   in_slow_tot in_slow_mc in_no_route in_brd   in_martian_dst in_martian_src out_hit  "
           "out_slow_tot out_slow_mc gc_total gc_ignored gc_goal_miss gc_dst_overflow in_hlist_search out_hlist_search")
_NEIGHBOURS = ("entries  allocs   destroys hash_grows lookups  hits     res_failed rcv_probes_mcast rcv_probes_ucast "
               "periodic_gc_runs forced_gc_runs unresolved_discards table_fulls")


def _text(text: str) -> Callable[[Box], str]:
    return lambda box: text


def _by_cpu(head: str) -> ProcFile:
    """A column for each figure, a line for each CPU."""
    words = head.split()
    row = " ".join(f"{0:08x}".ljust(max(8, len(word))) for word in words[:-1]) + f" {0:08x}\n"
    return ProcFile(lambda box: head + "\n" + row * box.config.cpus)


def _softnet(box: Box) -> str:
    """softnet_seq_show(): twelve figures, then which CPU."""
    return "".join(f"{0:08x} " * 12 + f"{cpu:08x}\n" for cpu in range(box.config.cpus))


NET = facts.directory("net/", {
    **{name: ProcFile(_text(text)) for name, text in TEXTS.items()}, "softnet_stat": ProcFile(_softnet),
    "stat": Directory({"arp_cache": _by_cpu(_NEIGHBOURS), "rt_cache": _by_cpu(_ROUTES)}),
})  # fmt: skip
