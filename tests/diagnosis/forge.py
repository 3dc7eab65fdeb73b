"""Reports as kernels from 2.6 to 6.x print them, of machines whose figures are known: the text, and what it says."""

from __future__ import annotations

from dataclasses import dataclass, field

STYLES = ("2.6.18", "2.6.32", "3.10", "4.4", "4.14", "5.4", "6.1", "6.8")


@dataclass
class ZoneTruth:
    """A zone; pages. `blocks`: (free blocks, letters) by order."""

    node: int
    name: str
    managed: int
    min: int
    reserve: list[int]
    blocks: list[tuple[int, str]]
    cma: int = 0
    highatomic: int = 0

    @property
    def free(self) -> int:
        return sum(number << order for order, (number, _) in enumerate(self.blocks))

    @property
    def low(self) -> int:
        return self.min + self.min // 4

    @property
    def high(self) -> int:
        return self.min + self.min // 2


@dataclass
class TaskTruth:
    pid: int
    name: str
    rss: int
    adj: int = 0
    swap: int = 0


@dataclass
class Truth:
    """A machine at the moment of a report; counters in pages."""

    style: str
    zones: list[ZoneTruth]
    page: int = 4096
    anon: int = 1000
    file: int = 100
    shmem: int = 10
    slab_r: int = 50
    slab_u: int = 60
    tables: int = 20
    stacks: int = 10
    swap_total: int = 0
    swap_free: int = 0
    huge: int = 0
    numa: bool = True
    tasks: list[TaskTruth] = field(default_factory=list)
    comm: str = "worker"
    pid: int = 321
    order: int = 0
    mask: str = "0x201da"
    names: str = ""
    calls: tuple[str, ...] = ("out_of_memory", "filemap_fault")
    group: str = ""
    limit: int = 0
    failcnt: int = 7
    constraint: str = "CONSTRAINT_NONE"
    nodemask: str = "(null)"
    mems: str = "0"

    @property
    def old(self) -> bool:
        return self.style.startswith("2.6")

    @property
    def by_node(self) -> bool:
        return self.style in ("4.14", "5.4", "6.1", "6.8")

    @property
    def release(self) -> str:
        return {
            "2.6.18": "2.6.18-8.el5",
            "2.6.32": "2.6.32-71.el6",
            "3.10": "3.10.0-957.el7",
            "4.4": "4.4.0-21-generic",
            "4.14": "4.14.65",
            "5.4": "5.4.0-77-generic",
            "6.1": "6.1.0-18-amd64",
            "6.8": "6.8.0-31-generic",
        }[self.style]


def gfp(t: Truth, label: str) -> str:
    return f"{label}{t.mask}" + (f"({t.names})" if t.names and not t.old and t.style != "3.10" else "")


def node_prefix(t: Truth, node: int) -> str:
    return f"Node {node} " if t.numa else ""


def mem_info(t: Truth) -> list[str]:
    kb = t.page // 1024
    free = sum(zone.free for zone in t.zones)
    cma = sum(zone.cma for zone in t.zones)
    lines = ["Mem-Info:" if t.style != "2.6.18" else "Mem-info:"]
    if not t.by_node and t.style != "4.4":
        for zone in t.zones:
            lines += [f"{node_prefix(t, zone.node)}{zone.name} per-cpu:", "CPU    0: hi:  186, btch:  31 usd:   7"]
    if t.style == "2.6.18":
        lines.append(f"Free pages: {free * kb:10}kB (0kB HighMem)")
        lines.append(
            f"Active:{t.anon + t.shmem} inactive:{t.file} dirty:0 writeback:0 unstable:0 free:{free} "
            f"slab:{t.slab_r + t.slab_u} mapped:5 pagetables:{t.tables}"
        )
    else:
        lines.append(f"active_anon:{t.anon // 2 + t.shmem} inactive_anon:{t.anon - t.anon // 2} isolated_anon:0")
        lines.append(f" active_file:{t.file // 2} inactive_file:{t.file - t.file // 2} isolated_file:0")
        lines.append(" unevictable:0 dirty:0 writeback:0" + ("" if t.style in ("6.1", "6.8") else " unstable:0"))
        slab = f" slab_reclaimable:{t.slab_r} slab_unreclaimable:{t.slab_u}"
        mapped = f" mapped:5 shmem:{t.shmem} pagetables:{t.tables}"
        if t.style in ("2.6.32", "3.10"):
            lines += [f" free:{free}{slab}", f"{mapped} bounce:0"] + [" free_cma:0"] * (t.style == "3.10")
        else:
            lines += [slab, f"{mapped}" + (" sec_pagetables:0" if t.style == "6.8" else "") + " bounce:0"]
            lines += [" kernel_misc_reclaimable:0"] * (t.style in ("6.1", "6.8"))
            lines.append(f" free:{free} free_pcp:30 free_cma:{cma}")
    if t.by_node:
        for node in sorted({zone.node for zone in t.zones}):
            share = 1 if node == 0 else 0
            stacks = (
                f" kernel_stack:{t.stacks * share * kb}kB pagetables:{t.tables * share * kb}kB"
                if t.style[0] == "6"
                else ""
            )
            lines.append(
                f"Node {node} active_anon:{t.anon * share * kb}kB inactive_anon:0kB active_file:0kB inactive_file:0kB "
                f"unevictable:0kB isolated(anon):0kB isolated(file):0kB mapped:20kB dirty:0kB writeback:0kB "
                f"shmem:40kB shmem_thp: 0kB shmem_pmdmapped: 0kB anon_thp: 0kB writeback_tmp:0kB"
                f"{stacks} all_unreclaimable? no"
            )
    for zone in t.zones:
        lines += zone_lines(t, zone, kb)
    for zone in t.zones:
        lines.append(block_line(t, zone, kb))
    if t.style not in ("2.6.18", "2.6.32"):
        for node in sorted({zone.node for zone in t.zones}):
            total = t.huge if node == 0 else 0
            lines.append(
                f"Node {node} hugepages_total={total} hugepages_free={total} hugepages_surp=0 hugepages_size=2048kB"
            )
    lines.append(f"{t.file + t.shmem} total pagecache pages")
    lines += ["0 pages in swap cache", "Swap cache stats: add 0, delete 0, find 0/0"]
    lines += [f"Free swap  = {t.swap_free}kB", f"Total swap = {t.swap_total}kB"]
    managed = sum(zone.managed for zone in t.zones)
    if t.style == "2.6.18":
        return [*lines, f"{managed + 500} pages of RAM", "500 reserved pages"]
    return [*lines, f"{managed + 500} pages RAM", "0 pages HighMem/MovableOnly", "500 pages reserved"]


def zone_lines(t: Truth, zone: ZoneTruth, kb: int) -> list[str]:
    marks = f"min:{zone.min * kb}kB low:{zone.low * kb}kB high:{zone.high * kb}kB"
    if t.style in ("6.1", "6.8"):
        marks = f"boost:0kB {marks} reserved_highatomic:{zone.highatomic * kb}KB"
    head = f"{node_prefix(t, zone.node)}{zone.name} free:{zone.free * kb}kB {marks}"
    sizes = f"present:{zone.managed * kb}kB" + ("" if t.old else f" managed:{zone.managed * kb}kB")
    if t.style == "2.6.18":
        body = f"active:0kB inactive:0kB {sizes} pages_scanned:0 all_unreclaimable? no"
    else:
        body = "active_anon:0kB inactive_anon:0kB active_file:0kB inactive_file:0kB unevictable:0kB "
        if t.by_node:
            body += f"writepending:0kB {sizes} mlocked:0kB "
            body += (
                ""
                if t.style[0] == "6"
                else f"kernel_stack:{(t.stacks if zone is t.zones[-1] else 0) * kb}kB pagetables:0kB "
            )
            body += f"bounce:0kB free_pcp:0kB local_pcp:0kB free_cma:{zone.cma * kb}kB"
        else:
            body += (
                f"isolated(anon):0kB isolated(file):0kB {sizes} mlocked:0kB dirty:0kB "
                f"writeback:0kB mapped:0kB shmem:0kB "
                f"slab_reclaimable:0kB slab_unreclaimable:0kB "
                f"kernel_stack:{(t.stacks if zone is t.zones[-1] else 0) * kb}kB "
                f"pagetables:0kB unstable:0kB bounce:0kB free_cma:{zone.cma * kb}kB writeback_tmp:0kB pages_scanned:9 "
                f"all_unreclaimable? yes"
            )
    return [f"{head} {body}", "lowmem_reserve[]: " + " ".join(map(str, zone.reserve))]


def block_line(t: Truth, zone: ZoneTruth, kb: int) -> str:
    parts = []
    for order, (number, letters) in enumerate(zone.blocks):
        typed = f" ({letters})" if letters and number and not t.old else ""
        parts.append(f"{number}*{kb << order}kB{typed}")
    return f"{node_prefix(t, zone.node)}{zone.name}: {' '.join(parts)} = {zone.free * kb}kB"


def task_table(t: Truth) -> list[str]:
    heads = {
        "2.6.18": "",
        "2.6.32": "cpu oom_adj",
        "3.10": "nr_ptes swapents oom_score_adj",
        "4.4": "nr_ptes nr_pmds swapents oom_score_adj",
        "4.14": "nr_ptes nr_pmds swapents oom_score_adj",
        "5.4": "pgtables_bytes swapents oom_score_adj",
        "6.1": "pgtables_bytes swapents oom_score_adj",
        "6.8": "rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj",
    }[t.style].split()
    if not heads:
        return []
    wide = t.style in ("5.4", "6.1", "6.8")
    lines = ["Tasks state (memory values in pages):"] * wide
    lines.append(("[  pid  ]" if wide else "[ pid ]") + "   uid  tgid total_vm      rss " + " ".join(heads) + " name")
    for one in t.tasks:
        values = {
            "cpu": 0,
            "oom_adj": 0 if one.adj > -1000 else -17,
            "nr_ptes": 30,
            "nr_pmds": 5,
            "pgtables_bytes": 143360,
            "swapents": one.swap,
            "oom_score_adj": one.adj,
            "rss_anon": one.rss,
            "rss_file": 0,
            "rss_shmem": 0,
        }
        numbers = " ".join(f"{values[head]:8}" for head in heads)
        lines.append(f"[{one.pid:7}]  1000 {one.pid:5} {one.rss * 3:8} {one.rss:8} {numbers} {one.name}")
    return lines


def kill_lines(t: Truth, victim: TaskTruth) -> list[str]:
    kb = t.page // 1024
    what = "Memory cgroup out of memory" if t.group else "Out of memory"
    rss = f"total-vm:{victim.rss * 3 * kb}kB, anon-rss:{victim.rss * kb}kB, file-rss:0kB"
    if t.style == "2.6.18":
        return [
            f"Out of Memory: Kill process {victim.pid} ({victim.name}) score 88 and children.",
            f"Out of memory: Killed process {victim.pid} ({victim.name}).",
        ]
    if t.style == "2.6.32":
        return [
            f"{what}: Kill process {victim.pid} ({victim.name}) score 888 or sacrifice child",
            f"Killed process {victim.pid}, UID 1000, ({victim.name}) {rss}",
        ]
    if t.style in ("3.10", "4.4", "4.14"):
        return [
            f"{what}: Kill process {victim.pid} ({victim.name}) score 888 or sacrifice child",
            f"Killed process {victim.pid} ({victim.name}) {rss}" + (", shmem-rss:0kB" if t.style == "4.14" else ""),
        ]
    tail = f", shmem-rss:0kB, UID:1000 pgtables:140kB oom_score_adj:{victim.adj}"
    lines = []
    scope = f"oom_memcg={t.group},task_memcg={t.group}/app" if t.group else "global_oom,task_memcg=/user.slice"
    lines.append(
        f"oom-kill:constraint={'CONSTRAINT_MEMCG' if t.group else t.constraint},nodemask={t.nodemask},cpuset=/,"
        f"mems_allowed={t.mems},{scope},task={victim.name},pid={victim.pid},uid=1000"
    )
    lines.append(f"{what}: Killed process {victim.pid} ({victim.name}) {rss}{tail}")
    lines.append(
        f"oom_reaper: reaped process {victim.pid} ({victim.name}), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB"
    )
    return lines


def trace(t: Truth) -> list[str]:
    if t.old:
        head = [f"Pid: {t.pid}, comm: {t.comm} Not tainted {t.release} #1"]
    else:
        head = [
            f"CPU: 1 PID: {t.pid} Comm: {t.comm} Not tainted {t.release} #1",
            "Hardware name: Test Machine/1, BIOS 1.0 01/01/2020",
        ]
    if t.style in ("5.4", "6.1", "6.8"):
        return [*head, "Call Trace:", *(f" {name}+0x1b/0x80" for name in t.calls)]
    return [*head, "Call Trace:", *(f" [<ffffffff811{at:02x}240>] {name}+0x1b/0x80" for at, name in enumerate(t.calls))]


def oom(t: Truth, victim: TaskTruth) -> str:
    """A report of the OOM killer, global or of the group `t.group`."""
    if t.style == "2.6.18":
        first = [f"oom-killer: gfp_mask={t.mask}, order={t.order}"]
    elif t.style == "2.6.32":
        first = [
            f"{t.comm} invoked oom-killer: gfp_mask={t.mask}, order={t.order}, oom_adj=0, oom_score_adj=0",
            f"{t.comm} cpuset=/ mems_allowed={t.mems}",
        ]
    elif t.style == "4.14":
        first = [
            f"{t.comm} invoked oom-killer: {gfp(t, 'gfp_mask=')}, "
            f"nodemask={t.nodemask},  order={t.order}, oom_score_adj=0",
            f"{t.comm} cpuset=/ mems_allowed={t.mems}",
        ]
    else:
        first = [f"{t.comm} invoked oom-killer: {gfp(t, 'gfp_mask=')}, order={t.order}, oom_score_adj=0"]
        first += [f"{t.comm} cpuset=/ mems_allowed={t.mems}"] * (t.style in ("3.10", "4.4"))
    lines = [*first, *trace(t)]
    if not t.group:
        lines += mem_info(t)
    else:
        limit = f"memory: usage {t.limit}kB, limit {t.limit}kB, failcnt {t.failcnt}"
        if t.style in ("3.10", "4.4", "4.14"):
            lines += [f"Task in {t.group}/app killed as a result of limit of {t.group}", limit]
            lines += [
                "memory+swap: usage 0kB, limit 9007199254740988kB, failcnt 0",
                "kmem: usage 0kB, limit 9007199254740988kB, failcnt 0",
            ]
            lines.append(
                f"Memory cgroup stats for {t.group}: cache:120KB rss:{t.limit - 120}KB rss_huge:0KB mapped_file:0KB "
                f"inactive_anon:0KB active_anon:{t.limit - 120}KB inactive_file:60KB active_file:60KB unevictable:0KB"
            )
        else:
            lines += [
                limit,
                "swap: usage 0kB, limit 0kB, failcnt 0",
                f"Memory cgroup stats for {t.group}:",
                f"anon {(t.limit - 120) << 10}",
                f"file {120 << 10}",
                "kernel_stack 16384",
                "pagetables 4096",
                "slab 0",
                "pgfault 123456",
            ]
    return "\n".join([*lines, *task_table(t), *kill_lines(t, victim)]) + "\n"


def failure(t: Truth) -> str:
    """A page allocation failure."""
    if t.style == "2.6.18":
        head = f"{t.comm}: page allocation failure. order:{t.order}, mode:{t.mask}"
    elif t.style in ("4.14", "5.4", "6.1", "6.8"):
        where = "nodemask=(null)" + (f",cpuset=/,mems_allowed={t.mems}" if t.style != "4.14" else "")
        head = f"{t.comm}: page allocation failure: order:{t.order}, {gfp(t, 'mode:')}, {where}"
    else:
        head = f"{t.comm}: page allocation failure: order:{t.order}, {gfp(t, 'mode:')}"
    return "\n".join([head, *trace(t), *mem_info(t)]) + "\n"


def sysrq(t: Truth) -> str:
    return "\n".join(["SysRq : Show Memory" if t.style[0] < "5" else "sysrq: Show Memory", *mem_info(t)]) + "\n"


# --- what lies around a report


def syslog(text: str) -> str:
    """As rsyslog keeps it, with another daemon's line now and then."""
    lines = []
    for at, line in enumerate(text.splitlines()):
        lines.append(f"Mar  3 04:05:{at % 60:02} db7 kernel: [{12345 + at}.{at:06}] {line}")
        if at % 9 == 4:
            lines.append(
                f"Mar  3 04:05:{at % 60:02} db7 sshd[99]: Node 0 Normal free:1kB min:2kB low:3kB high:4kB, I said"
            )
    return "\n".join(lines) + "\n"


def journal(text: str) -> str:
    return "".join(
        f"2023-03-03T04:05:06.{at:06}+01:00 db7 kernel: {line}\n" for at, line in enumerate(text.splitlines())
    )


def dmesg(text: str) -> str:
    return "".join(f"[{99.5 + at:12.6f}] {line}\n" for at, line in enumerate(text.splitlines()))


def decoded(text: str) -> str:
    return "".join(f"kern  :warn  : [{99.5 + at:12.6f}] {line}\n" for at, line in enumerate(text.splitlines()))


def wall(text: str) -> str:
    return "".join(f"[Fri Mar  3 04:05:{at % 60:02} 2023] {line}\n" for at, line in enumerate(text.splitlines()))


def quoted(text: str) -> str:
    """A mail that answers a mail, wrapped at 78 columns where there is a blank."""
    import textwrap

    lines: list[str] = []
    for line in dmesg(text).splitlines():
        lines += textwrap.wrap(line, 74, drop_whitespace=True, break_long_words=False, break_on_hyphens=False) or [""]
    return "Somebody wrote:\n" + "".join(f"> > {line}\n" for line in lines)


def page(text: str) -> str:
    """A page of the web, as its source has it."""
    return (
        "<pre>"
        + text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\n", "\r\n")
        + "</pre>\r\n"
    )


def plain(text: str) -> str:
    return text


AROUND = (plain, syslog, journal, dmesg, decoded, wall, quoted, page)
