"""Invariants of the files of processes, and of two snapshots of one machine. Importing this enters them in CHECKS."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.procfs.invariants import Task, Tree, equal, invariant, most

FLAG_OF = {"r": "rd", "w": "wr", "x": "ex", "s": "sh"}


@invariant(
    "P01",
    "P02",
    "P05",
    "P06",
    "P07",
    "P08",
    "P17",
    "P03",
    "P04",
    "P09",
    "P10",
    "P11",
    "P12",
    "P13",
    "P14",
    "P15",
    "P16",
)
def task_files(tree: Tree) -> Iterator[str]:
    for task in tree.tasks:
        who, stat, status = task.pid, task.stat, task.status
        statm = [int(word) for word in task.text("statm").split()]
        yield from equal(f"P01 {who} fields", len(stat), 52)
        yield from equal(f"P02 {who} fields", len(statm), 7)
        yield from equal(f"P02 {who} fifth and seventh", statm[4] + statm[6], 0)
        yield from equal(f"P05 {who} pid", int(stat[0]), int(status["Pid"]))
        yield from equal(f"P06 {who} ppid", int(stat[3]), int(status["PPid"]))
        yield from equal(f"P07 {who} threads", int(stat[19]), int(status["Threads"]))
        if stat[2] != status["State"][0]:
            yield f"P08 {who} state {stat[2]} {status['State']}"
        if not task.has_mm:
            if any(statm) or task.text("maps") or int(stat[22]):
                yield f"P17 {who} has no mm, but figures"
            continue
        yield from equal(f"P03 {who} vsize", int(stat[22]), 4096 * statm[0])
        yield from equal(f"P09 {who} VmSize", statm[0] * 4, task.kb("VmSize"))
        yield from equal(f"P04 {who} rss", int(stat[23]), statm[1])
        yield from equal(f"P11 {who} VmRSS", statm[1] * 4, task.kb("VmRSS"), tree.drift * 4)
        yield from equal(f"P10 {who} VmRSS", task.kb("VmRSS"),
                         task.kb("RssAnon") + task.kb("RssFile") + task.kb("RssShmem"))  # fmt: skip
        yield from most(f"P12 {who} VmSize", task.kb("VmSize"), task.kb("VmPeak"))
        yield from most(f"P13 {who} VmRSS", task.kb("VmRSS"), task.kb("VmHWM"))
        yield from equal(f"P14 {who} data", statm[5] * 4, task.kb("VmData") + task.kb("VmStk"))
        yield from equal(f"P15 {who} shared", statm[2] * 4, task.kb("RssFile") + task.kb("RssShmem"), tree.drift * 4)
        yield from most(f"P16 {who} VmExe", task.kb("VmExe"), statm[3] * 4)


@invariant("P18", "P19", "P20", "P21", "P22", "P23", "P24", "P25")
def task_maps(tree: Tree) -> Iterator[str]:
    for task in tree.tasks:
        if not task.has_mm or not task.text("maps"):
            continue
        who, end, total, data, code = task.pid, 0, 0, 0, 0
        for first, last, mode, offset, device, inode, name in task.maps:
            yield from most(f"P18 {who} maps", end, first)
            end = last
            if first % 4096 or last % 4096:
                yield f"P19 {who} {first:x} is no page boundary"
            total += last - first
            if not name or name in ("[heap]", "[stack]", "[vdso]", "[vvar]"):
                if device != "00:00" or inode or (offset and not name):
                    yield f"P21 {who} {first:x}: {device} {inode} {offset}"
            if mode[1] == "w" and mode[3] == "p" and name != "[stack]":
                data += last - first
            if "x" in mode and "w" not in mode:
                code += last - first
        yield from equal(f"P20 {who} vsize", total, int(task.stat[22]))
        yield from equal(f"P23 {who} VmData", data, task.kb("VmData") * 1024)
        yield from equal(f"P25 {who} code", code, (task.kb("VmExe") + task.kb("VmLib")) * 1024)
        stack = sum(block[1]["Size"] for block in task.smaps if "gd" in block[2])
        yield from equal(f"P24 {who} VmStk", stack, task.kb("VmStk"))
        for line in task.text("maps").splitlines():
            if not re.fullmatch(r"\S+ \S{4} [0-9a-f]{8} \S+ \d+ (?: *)(?:\S.*)?", line):
                yield f"P22 {who} {line!r}"
            words = line.split(None, 5)
            if len(words) > 5 and line.index(words[5], 40) != max(73 if tree.wide else 49, len(line) - len(words[5])):
                yield f"P22 {who} name in column {line.index(words[5], 40)}"
            if len(words) == 5 and not line.endswith(f"{words[4]} "):
                yield f"P22 {who} no blank behind the inode"


@invariant(
    "Q01", "Q02", "Q03", "Q04", "Q05", "Q06", "Q07", "Q08", "Q09", "Q10", "Q11", "Q12", "Q13", "Q14", "Q15", "Q16"
)
def smaps_blocks(tree: Tree) -> Iterator[str]:
    for task in tree.tasks:
        if not task.has_mm or not task.smaps:
            continue
        who = task.pid
        if [block[0] for block in task.smaps] != task.text("maps").splitlines():
            yield f"Q01 {who} headers differ from maps"
        labels = list(task.smaps[0][1])
        for (header, v, flags), entry in zip(task.smaps, task.maps, strict=True):
            at = f"{who} {header.split()[0]}"
            yield from equal(f"Q02 {at} Size", v["Size"] * 1024, entry[1] - entry[0])
            shared, private = v["Shared_Clean"] + v["Shared_Dirty"], v["Private_Clean"] + v["Private_Dirty"]
            yield from equal(f"Q03 {at} Rss", v["Rss"], shared + private)
            yield from most(f"Q04 {at} private", private, v["Pss"])
            yield from most(f"Q05 {at} Pss", v["Pss"], v["Rss"])
            if not shared:
                yield from equal(f"Q06 {at} Pss", v["Pss"], v["Rss"])
            yield from most(f"Q07 {at} Pss", v["Pss"], private + shared // 2 + 1)
            yield from most(f"Q08 {at} dirty", v["Private_Dirty"], v["Pss_Dirty"])
            yield from most(f"Q08 {at} Pss_Dirty", v["Pss_Dirty"], v["Pss"])
            yield from most(f"Q09 {at} Referenced", v["Referenced"], v["Rss"])
            yield from most(f"Q09 {at} Anonymous", v["Anonymous"], v["Rss"])
            yield from most(f"Q09 {at} Rss", v["Rss"], v["Size"])
            yield from most(f"Q09 {at} LazyFree", v["LazyFree"], v["Anonymous"])
            if not entry[6].startswith("/dev/"):
                yield from most(f"Q10 {at} Rss and Swap", v["Rss"] + v["Swap"], v["Size"])
            yield from most(f"Q11 {at} SwapPss", v["SwapPss"], v["Swap"])
            yield from equal(f"Q12 {at} Locked", v["Locked"], v["Pss"] if "lo" in flags else 0)
            if "ht" not in flags:
                yield from equal(f"Q13 {at} page size", v["KernelPageSize"] + v["MMUPageSize"], 8)
            for letter, flag in FLAG_OF.items():
                if (letter in entry[2]) != (flag in flags) and not (letter == "s" and "sh" in flags):
                    yield f"Q14 {at} {entry[2]} and {flags}"
            for label in ("Rss", "Anonymous", "Shared_Clean", "Shared_Dirty", "Private_Clean", "Private_Dirty", "Swap"):
                if v[label] % 4:
                    yield f"Q15 {at} {label} {v[label]}"
            if list(v) != labels:
                yield f"Q16 {at} labels"


SUMMED = ("Rss", "Shared_Clean", "Shared_Dirty", "Private_Clean", "Private_Dirty", "Referenced", "Anonymous",
          "LazyFree", "Swap")  # fmt: skip


@invariant("Q17", "Q18", "Q19", "Q20", "Q21", "Q22", "Q23", "Q24", "Q25")
def smaps_sums(tree: Tree) -> Iterator[str]:
    for task in tree.tasks:
        if not task.has_mm or not task.smaps:
            continue
        who, count = task.pid, len(task.smaps)
        total = {label: sum(block[1][label] for block in task.smaps) for label in task.smaps[0][1]}
        lines = task.text("smaps_rollup").splitlines()
        first, last = task.maps[0][0], task.maps[-1][1]
        if lines[0] != f"{first:08x}-{last:08x} ---p 00000000 00:00 0 ".ljust(73 if tree.wide else 49) + "[rollup]":
            yield f"Q17 {who} header {lines[0]!r}"
        roll = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
        for label in SUMMED:
            yield from equal(f"Q18 {who} {label}", roll[label], total[label], tree.drift * 4)
        for label in ("Pss", "Pss_Dirty", "SwapPss", "Locked"):
            yield from most(f"Q19 {who} {label}", total[label], roll[label])
            yield from most(f"Q19 {who} {label}", roll[label], total[label] + count)
        yield from equal(
            f"Q20 {who} Pss parts", roll["Pss_Anon"] + roll["Pss_File"] + roll["Pss_Shmem"], roll["Pss"], 2
        )
        lag = tree.drift * 20  # SPLIT_RSS_COUNTING: 65 faults of up to 16 pages
        yield from equal(f"Q21 {who} Rss", total["Rss"], task.kb("VmRSS"), lag)
        yield from equal(f"Q22 {who} Anonymous", total["Anonymous"], task.kb("RssAnon"), lag)
        locked = sum(block[1]["Size"] for block in task.smaps if "lo" in block[2])
        yield from equal(f"Q23 {who} VmLck", task.kb("VmLck"), locked)
        yield from most(f"Q24 {who} VmSwap", task.kb("VmSwap"), total["Swap"] + tree.drift * 4)


@invariant("Q26")
def oom_scores(tree: Tree) -> Iterator[str]:
    total = tree.meminfo["MemTotal"] // 4 + tree.meminfo["SwapTotal"] // 4
    for task in tree.tasks:
        score, adj = int(task.text("oom_score")), int(task.text("oom_score_adj"))
        if task.pid == 1 or adj == -1000 or not task.has_mm:
            wanted = 0
        else:
            points = task.kb("VmRSS") // 4 + task.kb("VmSwap") // 4 + task.kb("VmPTE") // 4 + adj * (total // 1000)
            wanted = max(0, (1000 + int(points * 1000 / total)) * 2 // 3)  # C cuts towards zero
        if task.has_mm or task.pid == 1:
            yield from equal(f"Q26 {task.pid} oom_score", score, wanted, 1 if tree.drift else 0)


def whole(tree: Tree) -> bool:
    """Whether every process of the machine is in the tree (some recordings leave kernel threads out)."""
    return int(tree.files["loadavg"].split("/")[1].split()[0]) == len(tree.pids)


@invariant("X01", "X02", "X03", "X04", "X05", "X06", "X07")
def across_tasks(tree: Tree) -> Iterator[str]:
    users: list[Task] = [task for task in tree.tasks if task.has_mm]
    info = tree.meminfo
    sums = dict.fromkeys(("Pss_Anon", "Pss_File", "Pss_Shmem"), 0)
    for task in users:
        for line in task.text("smaps_rollup").splitlines()[1:]:
            label, value = line.split(":")
            if label in sums:
                sums[label] += int(value.split()[0])
    slack = 2 * len(users) + tree.drift * 4
    yield from equal("X01 AnonPages", sums["Pss_Anon"], info["AnonPages"], slack)
    yield from equal("X02 Mapped", sums["Pss_File"] + sums["Pss_Shmem"], info["Mapped"], slack)
    tables = sum(task.kb("VmPTE") for task in users)  # on x86_64 those of the third level as well, which nobody counts
    if tree.wide:
        yield from most("X03 PageTables", info["PageTables"], tables)
    else:
        yield from equal("X03 PageTables", tables, info["PageTables"], tree.drift * 4)
    # a fault that is taken again is a major one of its task's, and none of pgmajfault's; pgfault counts it twice
    faults = sum(int(task.stat[9]) + int(task.stat[11]) for task in tree.tasks)
    yield from most("X04 X05 faults", faults, tree.vmstat["pgfault"] + tree.drift)
    threads = int(tree.files["loadavg"].split("/")[1].split()[0])
    if whole(tree):
        yield from equal("X06 threads", threads, sum(int(task.stat[19]) for task in tree.tasks))
    stack = 16 if tree.wide else 8
    stacks = stack * (threads if tree.drift else threads + tree.cpus - 1)  # each other CPU has an idle task
    yield from equal("X07 KernelStack", info["KernelStack"], stacks, stack * tree.cpus if tree.drift else 0)


EVENTS = re.compile(
    r"pg|ps|allocstall|slabs_scanned|kswapd|pageoutrun|drop_|oom_kill|compact_|unevictable_pgs|swap_ra|thp_"
)


def progress(old: Tree, new: Tree) -> list[str]:
    """N02 … N10: what may not fall, or change, between two snapshots of one machine."""
    found: list[str] = []
    for name, value in old.vmstat.items():
        if EVENTS.match(name):
            found.extend(most(f"N02 {name}", value, new.vmstat[name]))
    for key in ("ctxt", "processes", "intr", "softirq"):
        before, after = (int(re.search(rf"^{key} (\d+)", tree.files["stat"], re.M)[1]) for tree in (old, new))  # type: ignore[index]
        found.extend(most(f"N03 {key}", before, after))
    if re.search(r"btime \d+", old.files["stat"])[0] != re.search(r"btime \d+", new.files["stat"])[0]:  # type: ignore[index]
        found.append("N04 btime")
    if float(old.files["uptime"].split()[0]) > float(new.files["uptime"].split()[0]):
        found.append("N05 uptime")
    for before, after in zip(old.zones, new.zones, strict=True):
        if any(before.get(key) != after.get(key) for key in ("name", "start_pfn", "spanned", "present")):
            found.append(f"N06 zone {before['name']}")
    names = [row[0] for row in new.slabs]
    if [row[0] for row in old.slabs if row[0] in names] != [
        name for name in names if name in {row[0] for row in old.slabs}
    ]:
        found.append("N07 order of the caches")
    shapes = {row[0]: row[3:6] for row in new.slabs}
    found.extend(f"N08 {row[0]}" for row in old.slabs if shapes.get(row[0], row[3:6]) != row[3:6])
    tasks = {task.pid: task for task in new.tasks}
    for task in old.tasks:
        other = tasks.get(task.pid)
        if other is None or task.stat[21] != other.stat[21]:
            continue
        for field in (9, 10, 11, 12, 13, 14):
            found.extend(most(f"N09 {task.pid} stat {field}", int(task.stat[field]), int(other.stat[field])))
        if task.has_mm and other.has_mm and task.text("cmdline") == other.text("cmdline"):
            for key in ("VmPeak", "VmHWM"):
                found.extend(most(f"N10 {task.pid} {key}", task.kb(key), other.kb(key)))
    return found
