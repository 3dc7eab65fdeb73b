"""/proc/net, which is each process's own: the loopback interface, and nobody who talks (fs/proc/proc_net.c, net/).

**Known deviations:** there is no network: tables of sockets are empty, counters 0; files of protocols that nobody looks
into (snmp, netstat, fib_trie and their like) are not there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
    "packet": "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n",
    "ptype": "Type Device      Function\n0800          ip_rcv\n0806          arp_rcv\n",
    "raw": f"  sl  {_TABLE} ref pointer drops\n",
    "route": "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT" + " " * 55 + "\n",
    "sockstat": "sockets: used 0\nTCP: inuse 0 orphan 0 tw 0 alloc 0 mem 0\nUDP: inuse 0 mem 0\nUDPLITE: inuse 0\n"
                "RAW: inuse 0\nFRAG: inuse 0 memory 0\n",
    "tcp": f"  sl  {_TABLE}" + " " * 53 + "\n",
    "udp": f"   sl  {_TABLE} ref pointer drops            \n",
    "udplite": f"   sl  {_TABLE} ref pointer drops            \n",
    "unix": "Num       RefCount Protocol Flags    Type St Inode Path\n",
}  # fmt: skip


def _text(text: str) -> Callable[[Box], str]:
    return lambda box: text


NET = Directory({name: ProcFile(_text(text)) for name, text in TEXTS.items()})
