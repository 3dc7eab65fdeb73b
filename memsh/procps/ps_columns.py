"""What ps can show of a process: one table of columns (procps-ng 4.0.2, src/ps/output.c).

Known deviations: security labels, systemd's units and supplementary groups show `-`; user and group names: 0 is root,
others are numbers.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

from memsh.procps.processes import HZ, Process, tty_name, user_name
from memsh.procps.ps_clock import Clock
from memsh.procps.ps_formats import EMPTY

Show = Callable[[Process, Clock], str]


def _stat(name: str) -> Show:
    def show(p: Process, clock: Clock) -> str:
        return str(p.stat[name])

    return show


def _status(label: str) -> Show:
    def show(p: Process, clock: Clock) -> str:
        return str(p.kb(label))

    return show


def _address(name: str) -> Show:
    def show(p: Process, clock: Clock) -> str:
        return f"{p.stat[name]:0{2 * p.long_size}x}"

    return show


def _uid(which: int) -> Show:
    def show(p: Process, clock: Clock) -> str:
        return str(p.uid(which))

    return show


def _gid(which: int) -> Show:
    def show(p: Process, clock: Clock) -> str:
        return str(p.gid(which))

    return show


def _name(number: Show) -> Show:
    def show(p: Process, clock: Clock) -> str:
        text = number(p, clock)
        return text if clock.numeric else user_name(int(text))

    return show


def _priority(offset: int, sign: int = 1) -> Show:
    def show(p: Process, clock: Clock) -> str:
        return str(offset + sign * p.stat["priority"])

    return show


def _signal(label: str) -> Show:
    def show(p: Process, clock: Clock) -> str:
        text = p.status.get(label, "0" * 16)
        if clock.wide_signals:
            return text if len(text) > 8 else "00000000" + text
        if len(text.lstrip("0")) > 8:
            return "<" + text[-8:]
        return text[-8:].rjust(8, "0")

    return show


def _ticks(p: Process, clock: Clock) -> int:
    return p.ticks + (p.stat["cutime"] + p.stat["cstime"] if clock.cumulative else 0)


def elapsed(p: Process, clock: Clock) -> float:
    """Seconds since the process began: whole ticks, divided."""
    return max(0, hundredfold(clock.up, clock.long) - p.stat["start_time"]) / HZ


def hundredfold(seconds: float, long: int) -> int:
    """Ticks of a C double, cut off. i387 registers hold the product exactly, without rounding it; SSE2 rounds it."""
    if long == 8:
        return int(seconds * HZ)
    numerator, denominator = seconds.as_integer_ratio()
    return numerator * HZ // denominator


def _share(p: Process, clock: Clock, scale: int) -> int:
    jiffies = hundredfold(elapsed(p, clock), clock.long)
    return _ticks(p, clock) * scale // jiffies if jiffies else 0


def _pcpu(p: Process, clock: Clock) -> str:
    part = _share(p, clock, 1000)
    return str(part // 10) if part > 999 else f"{part // 10}.{part % 10}"


def _c(p: Process, clock: Clock) -> str:
    return f"{min(99, _share(p, clock, 100)):2}"


def _cp(p: Process, clock: Clock) -> str:
    return f"{min(999, _share(p, clock, 1000)):3}"


def _pmem(p: Process, clock: Clock) -> str:
    part = min(999, p.kb("VmRSS") * 1000 // clock.memory) if clock.memory else 0
    return f"{part // 10:2}.{part % 10}"


def _dhms(seconds: int, short: bool) -> str:
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    text = f"{days}-" if days else ""
    text += f"{hours:02}:" if days or hours or not short else ""
    return text + f"{minutes:02}:{seconds % 60:02}"


def _time(p: Process, clock: Clock) -> str:
    return _dhms(_ticks(p, clock) // HZ, False)


def _times(p: Process, clock: Clock) -> str:
    return str(_ticks(p, clock) // HZ)


def _bsdtime(p: Process, clock: Clock) -> str:
    seconds = _ticks(p, clock) // HZ
    return f"{seconds // 60:3}:{seconds % 60:02}"


def _etime(p: Process, clock: Clock) -> str:
    return _dhms(int(elapsed(p, clock)), True)


def _etimes(p: Process, clock: Clock) -> str:
    return str(int(elapsed(p, clock)))


def _began(p: Process, clock: Clock) -> int:
    return clock.boot + p.stat["start_time"] // HZ


def _stime(p: Process, clock: Clock) -> str:
    began, now = time.gmtime(_began(p, clock)), time.gmtime(clock.now)
    if now.tm_year != began.tm_year:
        return time.strftime("%Y", began)
    return time.strftime("%H:%M" if now.tm_yday == began.tm_yday else "%b%d", began)


def _lstart(p: Process, clock: Clock) -> str:
    return time.asctime(time.gmtime(_began(p, clock)))


def _start(p: Process, clock: Clock) -> str:
    text = time.strftime("%a %b %d %H:%M:%S %Y", time.gmtime(_began(p, clock)))
    return text[11:19] if _began(p, clock) + 86400 > clock.now else "  " + text[4:10]


def _bsdstart(p: Process, clock: Clock) -> str:
    text = time.asctime(time.gmtime(_began(p, clock)))
    return (text[4:] if clock.now - _began(p, clock) > 86400 else text[10:])[:6]


def _sz(p: Process, clock: Clock) -> str:
    return str(p.kb("VmSize") * 1024 // clock.page)


def _swapable(p: Process, clock: Clock) -> str:
    return str(p.kb("VmData") + p.kb("VmStk"))


def _trs(p: Process, clock: Clock) -> str:
    return str(_text_bytes(p) >> 10 if p.stat["vsize"] else 0)


def _drs(p: Process, clock: Clock) -> str:
    return str((p.stat["vsize"] - _text_bytes(p)) >> 10 if p.stat["vsize"] else 0)


def _text_bytes(p: Process) -> int:
    return p.stat["end_code"] - p.stat["start_code"]


def _flt(name: str) -> Show:
    def show(p: Process, clock: Clock) -> str:
        return str(p.stat[name] + (p.stat["c" + name] if clock.cumulative else 0))

    return show


def _lim(p: Process, clock: Clock) -> str:
    limit = p.stat["rss_limit"]
    return "xx" if limit == (1 << 64) - 1 else f"{limit >> 10:5}"


def _pss(p: Process, clock: Clock) -> str:
    return str(p.rollup.get("Pss", 0))


def _uss(p: Process, clock: Clock) -> str:
    return str(sum(p.rollup.get(f"Private_{kind}", 0) for kind in ("Clean", "Dirty", "Hugetlb")))


def _state(p: Process, clock: Clock) -> str:
    return p.state


def _bsd_stat(p: Process, clock: Clock) -> str:
    nice = p.stat["nice"]
    text = p.state + ("<" if nice < 0 else "N" if nice > 0 else "")
    text += "L" if p.kb("VmLck") else ""
    text += "s" if p.stat["session"] == p.pid else ""
    text += "l" if p.stat["threads"] > 1 else ""
    return text + ("+" if p.stat["pgrp"] == p.stat["tpgid"] else "")


def _flag(p: Process, clock: Clock) -> str:
    return f"{p.stat['flags'] >> 6 & 7:o}"


def _nice(p: Process, clock: Clock) -> str:
    return str(p.stat["nice"]) if p.stat["policy"] in (0, 3) else "-"


def _class(p: Process, clock: Clock) -> str:
    names = ("TS", "FF", "RR", "B", "ISO", "IDL", "DLN", "#7", "#8", "#9")
    return names[p.stat["policy"]] if p.stat["policy"] < len(names) else "?"


def _rtprio(p: Process, clock: Clock) -> str:
    return "-" if p.stat["policy"] == 0 else str(p.stat["rt_priority"])


def _file_number(name: str) -> Show:
    def show(p: Process, clock: Clock) -> str:
        return p.text(name).strip() or "0"

    return show


def _wchan(p: Process, clock: Clock) -> str:
    try:
        text = clock.reader.read(f"/proc/{p.pid}/wchan").strip()
    except OSError:
        return "?"
    return "-" if text in ("0", "") else text.lstrip("._")


def _cgroup(p: Process, clock: Clock) -> str:
    """The groups that are no root, each as its line has it; `-` for none."""
    lines = [line for line in p.text("cgroup").splitlines() if line.partition(":/")[2]]
    return ";".join(lines) or "-"


def _numa(p: Process, clock: Clock) -> str:
    """The node of the CPU that it last ran on; `-` if no folder of nodes tells."""
    from memsh.procps.processors import node_of_cpu  # start-up: 1 ms, for lscpu and a column of ps

    node = node_of_cpu(clock.reader, p.stat["processor"])
    return "-" if node is None else str(node)


def _tty(p: Process, clock: Clock) -> str:
    return tty_name(p.stat["tty_nr"])


def _args(p: Process, clock: Clock) -> str:
    return p.comm if clock.command_only else p.cmdline


def _comm(p: Process, clock: Clock) -> str:
    if clock.full:
        return p.cmdline
    return p.comm + (" <defunct>" if p.state == "Z" else "")


def _fname(p: Process, clock: Clock) -> str:
    return p.comm[:8]


def _pid(p: Process, clock: Clock) -> str:
    return str(p.pid)


def _tid(p: Process, clock: Clock) -> str:
    return str(p.tid or p.pid)


def _with_environment(p: Process, clock: Clock) -> str:
    """The command line, and with `e` the environment behind it."""
    if not clock.environment:
        return _args(p, clock)
    words = " ".join(word for word in p.text("environ").split("\0") if word)
    return f"{_args(p, clock)} {words}" if words else _args(p, clock)


def _io(label: str) -> Show:
    def show(p: Process, clock: Clock) -> str:
        for line in p.text("io").splitlines():
            name, _, figure = line.partition(":")
            if name == label:
                return figure.strip()
        return "0"

    return show


def _utilization(children: bool) -> Show:
    def show(p: Process, clock: Clock) -> str:
        return f"{min(utilization(p, clock, children), 99.999):.3f}"

    return show


def utilization(p: Process, clock: Clock, children: bool = False) -> float:
    """Per cent of the CPU over the process's life."""
    ticks = p.ticks + (p.stat["cutime"] + p.stat["cstime"] if children else 0)
    life = elapsed(p, clock)
    return ticks / HZ / life * 100 if life else 0.0


def _namespace(name: str) -> Show:
    def show(p: Process, clock: Clock) -> str:
        link = getattr(clock.reader, "readlink", None)
        try:
            target = link(f"/proc/{p.pid}/ns/{name}") if link is not None else None
        except OSError:
            target = None
        return (target or "-").partition("[")[2].rstrip("]") or "-"

    return show


def _luid(p: Process, clock: Clock) -> str:
    text = p.text("loginuid").strip()
    return "-" if text in ("", "4294967295") else text


def _autogroup(word: int, missing: str) -> Show:
    def show(p: Process, clock: Clock) -> str:
        words = p.text("autogroup").split()  # /autogroup-74 nice 0
        return (words[0].rpartition("-")[2], words[-1])[word] if len(words) == 3 else missing

    return show


def _exe(p: Process, clock: Clock) -> str:
    link = getattr(clock.reader, "readlink", None)
    try:
        return (link(f"/proc/{p.pid}/exe") if link is not None else None) or "-"
    except OSError:
        return "-"


def _slice(p: Process, clock: Clock) -> str:
    return "-.slice" if p.stat["ppid"] != 2 and p.pid != 2 else "-"


def _state_cpu(p: Process, clock: Clock) -> str:
    return str(p.stat["processor"]) if p.state == "R" else "*"


def _nop(p: Process, clock: Clock) -> str:
    return "-"


class Column(NamedTuple):
    """How a column is headed, filled, how wide it is and how it is justified.

    kind: right, left, user, unlimited, signal, pid, wchan.
    """

    head: str
    show: Show
    width: int
    kind: str = "right"


_PID, _LEFT, _LONG, _USER, _SIG = "pid", "left", "unlimited", "user", "signal"
_EUSER, _RUSER, _SUSER, _FUSER = (_name(_uid(which)) for which in (1, 0, 2, 3))
_EGROUP, _RGROUP, _SGROUP, _FGROUP = (_name(_gid(which)) for which in (1, 0, 2, 3))

COLUMNS: dict[str, Column] = {
    "%cpu": Column("%CPU", _pcpu, 4),
    "%mem": Column("%MEM", _pmem, 4),
    "addr": Column("ADDR", _nop, 4),
    "addr_1": Column("ADDR", _nop, 1, _LEFT),
    "alarm": Column("ALARM", _nop, 5),
    "args": Column("COMMAND", _with_environment, 27, _LONG),
    "atime": Column("TIME", _time, 8),
    "blocked": Column("BLOCKED", _signal("SigBlk"), 9, _SIG),
    "bsdstart": Column("START", _bsdstart, 6),
    "bsdtime": Column("TIME", _bsdtime, 6),
    "c": Column("C", _c, 2),
    "caught": Column("CAUGHT", _signal("SigCgt"), 9, _SIG),
    "cgname": Column("CGNAME", _nop, 27, _LONG),
    "cgroup": Column("CGROUP", _cgroup, 27, _LONG),
    "class": Column("CLS", _class, 3, _LEFT),
    "cls": Column("CLS", _class, 3),
    "cmd": Column("CMD", _with_environment, 27, _LONG),
    "comm": Column("COMMAND", _comm, 15, _LONG),
    "command": Column("COMMAND", _with_environment, 27, _LONG),
    "cp": Column("CP", _cp, 3),
    "cpuid": Column("CPUID", _stat("processor"), 5),
    "cputime": Column("TIME", _time, 8),
    "cputimes": Column("TIME", _times, 8),
    "drs": Column("DRS", _drs, 5),
    "dsiz": Column("DSIZ", _drs, 4),
    "egid": Column("EGID", _gid(1), 5),
    "egroup": Column("EGROUP", _EGROUP, 8, _USER),
    "eip": Column("EIP", _address("eip"), 8),
    "esp": Column("ESP", _address("esp"), 8),
    "etime": Column("ELAPSED", _etime, 11),
    "etimes": Column("ELAPSED", _etimes, 7),
    "euid": Column("EUID", _uid(1), 5),
    "euser": Column("EUSER", _EUSER, 8, _USER),
    "f": Column("F", _flag, 1),
    "fgid": Column("FGID", _gid(3), 5),
    "fgroup": Column("FGROUP", _FGROUP, 8, _USER),
    "flag": Column("F", _flag, 1),
    "flags": Column("F", _flag, 1),
    "fname": Column("COMMAND", _fname, 8, _LEFT),
    "fuid": Column("FUID", _uid(3), 5),
    "fuser": Column("FUSER", _FUSER, 8, _USER),
    "gid": Column("GID", _gid(1), 5),
    "group": Column("GROUP", _EGROUP, 8, _USER),
    "ignored": Column("IGNORED", _signal("SigIgn"), 9, _SIG),
    "intpri": Column("PRI", _priority(60), 3),
    "lastcpu": Column("C", _stat("processor"), 3),
    "lim": Column("LIM", _lim, 5),
    "lstart": Column("STARTED", _lstart, 24),
    "lwp": Column("LWP", _tid, 5, _PID),
    "m_drs": Column("DRS", _drs, 5),
    "m_size": Column("SIZE", _stat("vsize"), 5),
    "m_trs": Column("TRS", _trs, 5),
    "maj_flt": Column("MAJFL", _flt("maj_flt"), 6),
    "majflt": Column("MAJFLT", _flt("maj_flt"), 6),
    "min_flt": Column("MINFL", _flt("min_flt"), 6),
    "minflt": Column("MINFLT", _flt("min_flt"), 6),
    "ni": Column("NI", _nice, 3),
    "nice": Column("NI", _nice, 3),
    "nlwp": Column("NLWP", _stat("threads"), 4),
    "nwchan": Column("WCHAN", _nop, 6),
    "numa": Column("NUMA", _numa, 4),
    "oom": Column("OOM", _file_number("oom_score"), 4),
    "oomadj": Column("OOMADJ", _file_number("oom_score_adj"), 5),
    "opri": Column("PRI", _priority(60), 3),
    "pagein": Column("PAGEIN", _flt("maj_flt"), 6),
    "pcpu": Column("%CPU", _pcpu, 4),
    "pending": Column("PENDING", _signal("ShdPnd"), 9, _SIG),
    "pgid": Column("PGID", _stat("pgrp"), 5, _PID),
    "pgrp": Column("PGRP", _stat("pgrp"), 5, _PID),
    "pid": Column("PID", _pid, 5, _PID),
    "pmem": Column("%MEM", _pmem, 4),
    "policy": Column("POL", _class, 3, _LEFT),
    "ppid": Column("PPID", _stat("ppid"), 5, _PID),
    "pri": Column("PRI", _priority(39, -1), 3),
    "pri_api": Column("API", _priority(-1, -1), 3),
    "pri_bar": Column("BAR", _priority(1), 3),
    "pri_baz": Column("BAZ", _priority(100), 3),
    "pri_foo": Column("FOO", _priority(-20), 3),
    "priority": Column("PRI", _priority(0), 3),
    "psr": Column("PSR", _stat("processor"), 3),
    "pss": Column("PSS", _pss, 5),
    "rgid": Column("RGID", _gid(0), 5),
    "rgroup": Column("RGROUP", _RGROUP, 8, _USER),
    "rss": Column("RSS", _status("VmRSS"), 5),
    "rssize": Column("RSS", _status("VmRSS"), 5),
    "rsz": Column("RSZ", _status("VmRSS"), 5),
    "rtprio": Column("RTPRIO", _rtprio, 6),
    "ruid": Column("RUID", _uid(0), 5),
    "ruser": Column("RUSER", _RUSER, 8, _USER),
    "s": Column("S", _state, 1, _LEFT),
    "sched": Column("SCH", _stat("policy"), 3),
    "sess": Column("SESS", _stat("session"), 5, _PID),
    "session": Column("SESS", _stat("session"), 5, _PID),
    "sgid": Column("SGID", _gid(2), 5),
    "sgroup": Column("SGROUP", _SGROUP, 8, _USER),
    "sid": Column("SID", _stat("session"), 5, _PID),
    "sig": Column("PENDING", _signal("ShdPnd"), 9, _SIG),
    "sig_block": Column("BLOCKED", _signal("SigBlk"), 9, _SIG),
    "sig_catch": Column("CATCHED", _signal("SigCgt"), 9, _SIG),
    "sig_ignore": Column("IGNORED", _signal("SigIgn"), 9, _SIG),
    "sig_pend": Column("SIGNAL", _signal("ShdPnd"), 9, _SIG),
    "sigcatch": Column("CAUGHT", _signal("SigCgt"), 9, _SIG),
    "sigignore": Column("IGNORED", _signal("SigIgn"), 9, _SIG),
    "sigmask": Column("BLOCKED", _signal("SigBlk"), 9, _SIG),
    "size": Column("SIZE", _swapable, 5),
    "spid": Column("SPID", _tid, 5, _PID),
    "stackp": Column("STACKP", _address("start_stack"), 8),
    "start": Column("STARTED", _start, 8),
    "start_stack": Column("STACKP", _address("start_stack"), 8),
    "start_time": Column("START", _stime, 5),
    "stat": Column("STAT", _bsd_stat, 4, _LEFT),
    "state": Column("S", _state, 1, _LEFT),
    "stime": Column("STIME", _stime, 5),
    "suid": Column("SUID", _uid(2), 5),
    "suser": Column("SUSER", _SUSER, 8, _USER),
    "svgid": Column("SVGID", _gid(2), 5),
    "svuid": Column("SVUID", _uid(2), 5),
    "sz": Column("SZ", _sz, 5),
    "tgid": Column("TGID", _pid, 5, _PID),
    "thcount": Column("THCNT", _stat("threads"), 5),
    "tid": Column("TID", _tid, 5, _PID),
    "time": Column("TIME", _time, 8),
    "timeout": Column("TMOUT", _nop, 5),
    "times": Column("TIME", _times, 8),
    "tname": Column("TTY", _tty, 8, _LEFT),
    "tpgid": Column("TPGID", _stat("tpgid"), 5, _PID),
    "trs": Column("TRS", _trs, 4),
    "trss": Column("TRSS", _trs, 4),
    "tsiz": Column("TSIZ", _trs, 4),
    "tt": Column("TT", _tty, 8, _LEFT),
    "tty": Column("TT", _tty, 8, _LEFT),
    "tty4": Column("TTY", _tty, 4, _LEFT),
    "tty8": Column("TTY", _tty, 8, _LEFT),
    "ucmd": Column("CMD", _comm, 15, _LONG),
    "ucomm": Column("COMMAND", _comm, 15, _LONG),
    "uid": Column("UID", _uid(1), 5),
    "uid_hack": Column("UID", _EUSER, 8, _USER),
    "uname": Column("USER", _EUSER, 8, _USER),
    "user": Column("USER", _EUSER, 8, _USER),
    "uss": Column("USS", _uss, 5),
    "util": Column("C", _c, 2),
    "vsize": Column("VSZ", _status("VmSize"), 6),
    "vsz": Column("VSZ", _status("VmSize"), 6),
    "wchan": Column("WCHAN", _wchan, 6, "wchan"),
    "wname": Column("WCHAN", _wchan, 6, "wchan"),
}
"""Every column by the name that -o takes."""
COLUMNS |= {
    "ag_id": Column("AGID", _autogroup(0, "-1"), 5),
    "ag_nice": Column("AGNI", _autogroup(1, "0"), 4),
    "cuc": Column("%CUC", _utilization(True), 7),
    "cuu": Column("%CUU", _utilization(False), 6),
    "exe": Column("EXE", _exe, 27, _LONG),
    "fsgid": Column("FSGID", _gid(3), 5),
    "fsgroup": Column("FSGROUP", _FGROUP, 8, _USER),
    "fsuid": Column("FSUID", _uid(3), 5),
    "fsuser": Column("FSUSER", _FUSER, 8, _USER),
    "longtname": Column("TTY", _tty, 8, _LEFT),
    "luid": Column("LUID", _luid, 5),
    "rbytes": Column("RBYTES", _io("read_bytes"), 5),
    "rchars": Column("RCHARS", _io("rchar"), 5),
    "rops": Column("ROPS", _io("syscr"), 5),
    "sgi_p": Column("P", _state_cpu, 1),
    "sgi_rss": Column("RSS", _status("VmRSS"), 4, _LEFT),
    "slice": Column("SLICE", _slice, 31, _LEFT),
    "svgroup": Column("SVGROUP", _SGROUP, 8, _USER),
    "svuser": Column("SVUSER", _SUSER, 8, _USER),
    "tsig": Column("PENDING", _signal("SigPnd"), 9, _SIG),
    "wbytes": Column("WBYTES", _io("write_bytes"), 5),
    "wcbytes": Column("WCBYTES", _io("cancelled_write_bytes"), 5),
    "wchars": Column("WCHARS", _io("wchar"), 5),
    "wops": Column("WOPS", _io("syscw"), 5),
    **{
        f"{name}ns": Column(f"{name.upper()}NS", _namespace(link), 10)
        for name, link in (
            ("cgroup", "cgroup"), ("ipc", "ipc"), ("mnt", "mnt"), ("net", "net"), ("pid", "pid"), ("time", "time"),
            ("user", "user"), ("uts", "uts"),
        )
    },
}  # fmt: skip
for _words in (item.split(":") for item in EMPTY.split()):
    COLUMNS[_words[0]] = Column(_words[1], _nop, int(_words[2]), _words[3] if len(_words) > 3 else "right")
