"""Files of /proc/net that differ between the machines, or that count: options of their kernels, sizes of their
sockets (net/ipv4/proc.c, fib_trie.c, net/core/sock.c, net/netlink/af_netlink.c).

Known deviation: nobody talks, every counter is 0; the places of the kernel's own netlink sockets are made up, as hashed
pointers are.
"""

from __future__ import annotations

_SNMP = {
    "Ip": """
        Forwarding=2 DefaultTTL=64 InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos InDiscards
        InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs ReasmFails FragOKs FragFails
        FragCreates
    """,
    "Icmp": """
        InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects InEchos
        InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors OutRateLimitGlobal
        OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs OutRedirects OutEchos OutEchoReps
        OutTimestamps OutTimestampReps OutAddrMasks OutAddrMaskReps
    """,
    "Tcp": """
        RtoAlgorithm=1 RtoMin=200 RtoMax=120000 MaxConn=-1 ActiveOpens PassiveOpens AttemptFails EstabResets
        CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
    """,
    "Udp": """
        InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
    """,
    "UdpLite": """
        InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti MemErrors
    """,
}  # fmt: skip
_NETSTAT = {
    "TcpExt": """
        SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled RcvPruned OfoPruned
        OutOfWindowIcmps LockDroppedIcmps ArpFilter TW TWRecycled TWKilled PAWSActive PAWSEstab DelayedACKs
        DelayedACKLocked DelayedACKLost ListenOverflows ListenDrops TCPHPHits TCPPureAcks TCPHPAcks TCPRenoRecovery
        TCPSackRecovery TCPSACKReneging TCPSACKReorder TCPRenoReorder TCPTSReorder TCPFullUndo TCPPartialUndo
        TCPDSACKUndo TCPLossUndo TCPLostRetransmit TCPRenoFailures TCPSackFailures TCPLossFailures TCPFastRetrans
        TCPSlowStartRetrans TCPTimeouts TCPLossProbes TCPLossProbeRecovery TCPRenoRecoveryFail TCPSackRecoveryFail
        TCPRcvCollapsed TCPBacklogCoalesce TCPDSACKOldSent TCPDSACKOfoSent TCPDSACKRecv TCPDSACKOfoRecv
        TCPAbortOnData TCPAbortOnClose TCPAbortOnMemory TCPAbortOnTimeout TCPAbortOnLinger TCPAbortFailed
        TCPMemoryPressures TCPMemoryPressuresChrono TCPSACKDiscard TCPDSACKIgnoredOld TCPDSACKIgnoredNoUndo
        TCPSpuriousRTOs TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure TCPSackShifted TCPSackMerged
        TCPSackShiftFallback TCPBacklogDrop PFMemallocDrop TCPMinTTLDrop TCPDeferAcceptDrop IPReversePathFilter
        TCPTimeWaitOverflow TCPReqQFullDoCookies TCPReqQFullDrop TCPRetransFail TCPRcvCoalesce TCPOFOQueue
        TCPOFODrop TCPOFOMerge TCPChallengeACK TCPSYNChallenge TCPFastOpenActive TCPFastOpenActiveFail
        TCPFastOpenPassive TCPFastOpenPassiveFail TCPFastOpenListenOverflow TCPFastOpenCookieReqd
        TCPFastOpenBlackhole TCPSpuriousRtxHostQueues BusyPollRxPackets TCPAutoCorking TCPFromZeroWindowAdv
        TCPToZeroWindowAdv TCPWantZeroWindowAdv TCPSynRetrans TCPOrigDataSent TCPHystartTrainDetect
        TCPHystartTrainCwnd TCPHystartDelayDetect TCPHystartDelayCwnd TCPACKSkippedSynRecv TCPACKSkippedPAWS
        TCPACKSkippedSeq TCPACKSkippedFinWait2 TCPACKSkippedTimeWait TCPACKSkippedChallenge TCPWinProbe TCPKeepAlive
        TCPMTUPFail TCPMTUPSuccess TCPDelivered TCPDeliveredCE TCPAckCompressed TCPZeroWindowDrop TCPRcvQDrop
        TCPWqueueTooBig TCPFastOpenPassiveAltKey TcpTimeoutRehash TcpDuplicateDataRehash TCPDSACKRecvSegs
        TCPDSACKIgnoredDubious TCPMigrateReqSuccess TCPMigrateReqFailure
    """,
    "IpExt": """
        InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets OutOctets
        InMcastOctets OutMcastOctets InBcastOctets OutBcastOctets InCsumErrors InNoECTPkts InECT1Pkts InECT0Pkts
        InCEPkts ReasmOverlaps
    """,
}  # fmt: skip
_PROTOCOLS = (  # name, bytes (i386, x86_64), pages, pressure, header (i386, x86_64), own cache, which calls it has
    ("PACKET", (992, 1536), "-1", "NI", (0, 0), "no", "nnnnnnnnnnnnnnnnnnn"),
    ("UNIX-STREAM", (640, 960), "-1", "NI", (0, 0), "yes", "ynnnnnnnnnnnnnnnynn"),
    ("UNIX", (640, 960), "-1", "NI", (0, 0), "yes", "ynnnnnnnnnnnnnnnnnn"),
    ("UDP-Lite", (768, 1088), "0", "NI", (0, 0), "yes", "yyynyyynyyyyynnyyyn"),
    ("PING", (672, 920), "-1", "NI", (0, 0), "yes", "yyynnynnyyyynyyyyyn"),
    ("RAW", (680, 928), "-1", "NI", (0, 0), "yes", "yyynyyynyyyynyyyynn"),
    ("UDP", (768, 1088), "0", "NI", (0, 0), "yes", "yyynyyynyyyyynnyyyn"),
    ("TCP", (1712, 2192), "0", "no", (160, 192), "yes", "yyyyyyyyyyyyynyyyyy"),
    ("NETLINK", (704, 1024), "-1", "NI", (0, 0), "no", "nnnnnnnnnnnnnnnnnnn"),
)
_CALLS = "cl co di ac io in de sh ss gs se re sp bi br ha uh gp em"
_TRIE = ("\tAver depth:     0.00", "\tMax depth:      0", "\tLeaves:         0", "\tPrefixes:       0",
         "\tInternal nodes: 0", "\t", "\tPointers: 0", "Null ptrs: 0", "Total size: 0  kB")  # fmt: skip


def _counters(groups: dict[str, str]) -> str:
    """Two lines a group: what is counted, and how often."""
    text = ""
    for name, words in groups.items():
        pairs = [word.partition("=") for word in words.split()]
        text += f"{name}: {' '.join(pair[0] for pair in pairs)}\n"
        text += f"{name}: {' '.join(pair[2] or '0' for pair in pairs)}\n"
    return text


def _protocols(machine: int) -> str:
    lines = [f"protocol  size sockets  memory press maxhdr  slab {'module':<10} {_CALLS}"]
    for name, sizes, pages, pressed, headers, own, calls in _PROTOCOLS:
        row = f"{name:<9} {sizes[machine]:4} {0:6}  {pages:>6}   {pressed:<3} {headers[machine]:6}   {own:<3}  "
        lines.append(row + f"{'kernel':<10}" + "".join(f" {call:>2}" for call in calls))
    return "\n".join(lines) + "\n"


def _netlink(word: int, sockets: dict[int, tuple[int, int]]) -> str:
    """family → (pointer, inode)."""
    lines = ["sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode"]
    for family, (pointer, inode) in sockets.items():
        row = f"{pointer:0{2 * word}x} {family:<3} {0:<10} {0:08x} {0:<8} {0:<8} {0:<5} {2:<8} {0:<8} {inode:<8}"
        lines.append(row)
    return "\n".join(lines) + "\n"


BOTH = {
    "net/connector": f"{'Name':<15} ID\n{'cn_proc':<15} 1:1\n",
    "net/fib_trie": "",
    "net/ip_mr_cache": "Group    Origin   Iif     Pkts    Bytes    Wrong Oifs\n",
    "net/ip_mr_vif": "Interface      BytesIn  PktsIn  BytesOut PktsOut Flags Local    Remote\n",
    "net/mcfilter": f"{'Idx'} {'Device':<6} {'MCA':>10} {'SRC':>10} {'INC':>6} {'EXC':>6}\n",
    "net/netstat": _counters(_NETSTAT),
    "net/rt_cache": "Iface\tDestination\tGateway \tFlags\t\tRefCnt\tUse\tMetric\tSource\t\tMTU\tWindow\tIRTT\tTOS\t"
                    f"HHRef\tHHUptod\t{'SpecDst':<32} \n",
    "net/snmp": _counters(_SNMP),
}  # fmt: skip
I386 = {
    **BOTH,
    "net/fib_triestat": "Basic info: size of leaf: 32 bytes, size of tnode: 28 bytes.\n",
    "net/ipconfig/ntp_servers": "",
    "net/netlink": _netlink(4, {0: (0x9A2C41E7, 2), 4: (0x3E5D9B06, 301), 6: (0xD47F1A38, 302), 10: (0x612BC9F4, 18),
                                11: (0x08E6735D, 12), 15: (0xB3907CE2, 6), 16: (0x75C8042B, 3)}),
    "net/packet": "sk       RefCnt Type Proto  Iface R Rmem   User   Inode\n",
    "net/pnp": "#MANUAL\n",
    "net/protocols": _protocols(0),
    "net/route": "",  # a table is made with its first entry
}  # fmt: skip
X86_64 = {
    **BOTH,
    "net/fib_triestat": "\n".join(["Basic info: size of leaf: 48 bytes, size of tnode: 40 bytes.", "Main:", *_TRIE,
                                   "Local:", *_TRIE, ""]),
    "net/netlink": _netlink(8, {0: (0xBA3AF8CD, 3), 4: (0x240B45CE, 378), 9: (0xC1D27F84, 5), 10: (0x8F2A1775, 90),
                                11: (0x62FBF7DD, 12), 15: (0xA07DC572, 8), 16: (0xA1DF36E6, 4)}),
    "net/packet": "sk               RefCnt Type Proto  Iface R Rmem   User   Inode\n",
    "net/protocols": _protocols(1),
    "net/route": f"{'Iface'}\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT{'':<55}\n",
}  # fmt: skip
