"""Replay `reference64/transcripts/*.txt`: each `$ …` line is typed at a prompt of the x86_64 machine.

Compared to the letter: addresses of mappings, faults of what a process does there, the entry of smaps, nodes of pages,
limits and knobs as they read back, what cannot be and the words for it. `memory.current` and its like may be two stocks
of 64 pages and a part in 20 away; what the recorded program's own pages and files show through is left out.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from memsh.linux.mm.mmap.madvise import ADVICE
from tests.sessions import typed_session

PROGRAMS = {"/proc-static": "a.out", "/proc-dyn": "a.out-dyn"}
PROT = {"0": "none", "1": "r", "2": "w", "3": "rw", "4": "x", "5": "rx", "7": "rwx"}
MODES = ("default", "preferred", "bind", "interleave", "local", "preferred_many")
NAMES = {number: name for name, number in ADVICE.items()}
CLOSE, SHARE = 512 << 10, 20
# what the real machine answers otherwise when it is asked again: which pages a limit pushed out, when khugepaged ran
UNREPEATABLE = {"memcg-swap.txt:91", "thp-mremap.txt:636"}
FILES = ("writefile", "readfile", "cat", "numamap", "frames", "pipes", "sockets", "closeall", "sbrk", "fadvise",
         "fsync", "mkfiles", "rmfiles")  # fmt: skip
LIMIT = re.compile(r"memory\.(max|high|low|min|swap\.max|swap\.high|oom\.group)$")
COUNTED = re.compile(r"memory\.(current|peak|swap\.current)$")
EXACT = re.compile(r"(?:^|_)(?:thp_(?!scan)|htlb_)|^oom_kill ")
FAULTS = re.compile(r"minflt (\d+) majflt (\d+)")
REFUSED = re.compile(r"^[\w/. -]+: ([A-Z][a-z]+(?: [a-z]+)+)$", re.M)


class Step(NamedTuple):
    line: int
    words: list[str]
    answer: str


def steps(text: str) -> list[Step]:
    found = []
    for part in re.split(r"^\$ ", "\n" + text, flags=re.M)[1:]:
        command, _, answer = part.partition("\n")
        line = text[: text.index(part)].count("\n") + 1
        found.append(Step(line, command.split(), re.sub(r"^# .*\n?", "", answer, flags=re.M)))
    return found


def machine(head: str) -> list[str]:
    """memsh's options for a recording's first line."""
    found = ["--arch", "x86_64"]
    for name in ("ram", "cpus", "distance"):
        if match := re.search(rf"\b{name} (\w+)", head):
            found += [f"--{name}", match.group(1)]
    if nodes := re.findall(r"\('(\w+)', '([\d-]+)'\)", head):
        found += ["--nodes", ",".join(f"{size}:{cpus}" for size, cpus in nodes)]
    if "drives" in head:
        found += ["--swap", "67108864"]
    options = re.search(r"boot options (.*)", head)
    return [*found, "--cmdline", f"norandmaps {options.group(1) if options else ''}".strip()]


def nodes_of(mask: str) -> str:
    return ",".join(str(node) for node in range(64) if int(mask, 0) >> node & 1) or "''"


class Replay:
    """Processes by the names of the recording, on one session."""

    def __init__(self, head: str) -> None:
        self.session, self.out = typed_session(machine(head))
        self.pids: dict[str, str] = {}
        self.named: dict[str, str] = {}  # of the recording's PIDs
        self.driver = self.type("cut -d' ' -f1 /proc/self/stat").strip()
        if "drives" in head:
            self.swap = self.type("grep -o '^/dev/[a-z0-9]*' /proc/swaps").strip()
            self.type(f"swapoff {self.swap}")

    def type(self, line: str) -> str:
        self.out.seek(0)
        self.out.truncate()
        self.session.run(line)  # type: ignore[attr-defined]
        return self.out.getvalue()

    def path(self, name: str) -> str:
        name = re.sub(r"^/cg(?=/|$)", "/sys/fs/cgroup", re.sub(r"^/d(?=/|$)", "", name)) or "/"
        return re.sub(r"^/proc/(\d+)(?=/)", lambda match: f"/proc/{self.pid(match.group(1))}", name)

    def pid(self, recorded: str) -> str:
        return self.pids.get(self.named.get(recorded, ""), self.driver if recorded == "0" else recorded)

    def do(self, step: Step) -> tuple[str, str] | None:
        """(What was typed, what came back); None for what no command stands for."""
        words = step.words
        if words[0] == "spawn":
            self.pids[words[1]] = self.type(f"run {PROGRAMS[words[2]]} && cut -d' ' -f1 /proc/self/stat").split()[-1]
            self.named[step.answer.split()[1]] = words[1]
            return None
        line = self.process(step) if words[0] == "to" else self.machine(words)
        return (line, self.type(line)) if line else None

    def machine(self, words: list[str]) -> str:
        name, args = words[0], words[1:]
        if name == "put":
            where = self.path(args[0])
            value = self.pid(args[1]) if where.endswith("cgroup.procs") else " ".join(args[1:])
            return f"switch {self.driver} > /dev/null; echo '{value}' > {where}"
        if name in ("cat", "mkdir", "rmdir"):
            return f"{name} {self.path(args[0])}"
        if name == "unlink":
            return f"rm {self.path(args[0])}"
        if name == "grep":
            return f"grep -E '{'|'.join('^' + word for word in args[0].split('|'))}' {self.path(args[-1])}"
        if name in ("mkswap", "swapon", "swapoff"):
            return f"{name} {self.swap}"
        if name == "cpu":
            return f"taskset -cp {args[0]} {self.driver}"
        if name == "exec" and args[-1] == "m":
            return f"run a.out && p=$(mmap {args[1]} rw) && touch $p {args[1]} && _exit 0"
        return " ".join(words) if name in ("sleep", "sync", "dmesg") else ""

    def process(self, step: Step) -> str:
        who, name, args = step.words[1], step.words[2], step.words[3:]
        before = f"switch {self.pids[who]} > /dev/null; "
        if name == "fork":
            child = self.type(before + "fork").split()[-1]
            self.pids[args[0]] = re.search(r"\d+", self.type("ls -d /proc/[0-9]* | sort -V | tail -n 1") or child)[0]  # type: ignore[index]
            self.named[step.answer.split()[0]] = args[0]
            return ""
        if name == "mmap":
            extra = [word for word in args[3:] if "@" not in word]
            place = "".join(f" --addr {word.split('@')[1]}" for word in args[3:] if "@" in word)
            fixed = ["fixed"] * any(word.startswith("fixed@") for word in args)
            return before + f"mmap {args[0]} {PROT[args[1]]} {','.join([args[2], *extra, *fixed])}{place}"
        if name == "mremap":
            how = " maymove" * bool(args[3:])
            if args[3:] and "@" in args[3]:
                how = f" maymove,fixed --addr {args[3].split('@')[1]}"
            return before + f"mremap {' '.join(args[:3])}{how}"
        if name == "mprotect":
            return before + f"mprotect {args[0]} {args[1]} {PROT[args[2]]}"
        if name == "madvise":
            return before + f"madvise {args[0]} {args[1]} {NAMES[int(args[2])]}"
        if name == "mbind":
            flags = int(args[4], 0) if args[4:] else 0
            how = " strict" * (flags & 1) + " move" * (flags >> 1 & 1)
            return before + f"mbind {args[0]} {args[1]} {MODES[int(args[2])]} {nodes_of(args[3])}{how}"
        if name == "mempolicy":
            mode = MODES[int(args[0])] if int(args[0]) < len(MODES) else args[0]
            nodes = nodes_of(args[1]) if args[1:] and mode not in ("default", "local") else ""
            return before + f"set_mempolicy {mode} {nodes}"
        if name == "movepages":
            return before + f"move_pages {' '.join(args)}"
        if name == "migrate":
            return f"migratepages {self.pids[who]} {nodes_of(args[0])} {nodes_of(args[1])}"
        if name == "cpu":
            return f"taskset -cp {args[0]} {self.pids[who]}"
        if name == "exit":
            return before + "_exit 0"
        if name == "smaps":
            return before + "cat /proc/self/smaps"
        if name in FILES:
            return self.files(before, name, args)
        return before + " ".join([name, *args])

    def files(self, before: str, name: str, args: list[str]) -> str:
        where = self.path(args[0]) if args else ""
        if name == "writefile":
            return before + f"dd if=/dev/zero of={where} bs=1000 count={int(args[1]) // 1000}"
        if name == "readfile":
            return before + f"cat {where} > /dev/null"
        if name == "fsync":
            return f"sync {where}"
        if name in ("mkfiles", "rmfiles"):
            return before + f"{'touch' if name == 'mkfiles' else 'rm'} {where}/f{{0..{int(args[1]) - 1}}}"
        return before + " ".join([name, *args]) if name in ("pipes", "sockets", "closeall", "sbrk") else ""


def entry(smaps: str, addr: int) -> list[str]:
    """The area that holds `addr`: its lines, spaces and what other mappings share apart."""
    for part in re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", smaps, flags=re.M):
        match = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)", part)
        if match and int(match.group(1), 16) <= addr < int(match.group(2), 16):
            rows = [match.group()] + [" ".join(row.split()) for row in part.splitlines()[1:] if row[:1].isupper()]
            return [row for row in rows if not row.startswith(("Pss", "VmFlags", "Referenced"))]
    return []


def differs(step: Step, answer: str, swap: bool, near: bool) -> str:
    """What of an answer is not as recorded; "" if nothing is."""
    words, name = step.words, step.words[2] if step.words[0] == "to" else step.words[0]
    refused = REFUSED.search(step.answer)
    if refused and (words[0] == "to" or name in ("put", "mkdir")):
        return "" if refused.group(1) in answer else f"{answer!r}, not refused: {refused.group(1)}"
    if name == "smaps":
        mine, theirs = entry(answer, int(words[3], 16)), entry(step.answer, int(words[3], 16))
        return "" if mine == theirs else f"{[pair for pair in zip(mine, theirs, strict=False) if len(set(pair)) > 1]}"
    if words[0] == "cat" and COUNTED.search(words[1]):
        mine_n, theirs_n = int((re.findall(r"^\d+$", answer, re.M) or ["-1"])[-1]), int(step.answer)
        return "" if abs(mine_n - theirs_n) <= CLOSE + theirs_n // SHARE else f"{mine_n} for {theirs_n}"
    if words[0] == "cat" and LIMIT.search(words[1]):
        return "" if answer.strip() == step.answer.strip() else f"{answer!r} for {step.answer!r}"
    if words[0] == "grep":
        rows = [row for row in step.answer.splitlines() if EXACT.search(row)]
        missing = [row for row in rows if row not in answer.splitlines()]
        return f"no {missing}" if missing else ""
    if words[0] == "to" and name in ("mmap", "mremap", "write", "read", "fill", "munmap", "mprotect", "madvise"):
        return _operation(step, answer, swap, near)
    return ""


def _operation(step: Step, answer: str, swap: bool, near: bool) -> str:
    theirs, mine = FAULTS.search(step.answer), FAULTS.search(answer)
    if theirs is None:
        return ""
    if mine is None:
        return f"{answer!r}: no faults told"
    wanted, got = [[int(n) for n in match.groups()] for match in (theirs, mine)]
    if abs(sum(wanted) - sum(got)) > near or (not swap and abs(wanted[1] - got[1]) > near):
        return f"minflt {got[0]} majflt {got[1]} for {wanted}"
    place = re.match(r"0x[0-9a-f]+", step.answer)
    return "" if place is None or place.group() in answer else f"{answer!r} for {place.group()}"


def replay(path: Path) -> tuple[int, list[str]]:
    """How many answers were compared, and how they differ."""
    text = path.read_text(encoding="utf-8")
    head = text.splitlines()[0]
    play = Replay(head)
    ending = young = ""  # a process that is being taken down, a child that has done nothing yet
    cpus = int(head.split("cpus ")[1].split()[0])
    wrong, count = [], 0
    for step in steps(text):
        done, words = play.do(step), step.words
        if words[0] in ("to", "sleep", "spawn"):
            ending = ""
        if done is not None and not (ending and words[0] in ("cat", "grep")):
            count += 1
            near = cpus > 1 or words[:2] == ["to", young]
            difference = differs(step, done[1], "drives" in head, near)
            if difference and f"{path.name}:{step.line}" not in UNREPEATABLE:
                wrong.append(f"{path.name}:{step.line}: {' '.join(step.words)}: {difference}"[:400])
        if words[0] == "to":
            young = words[3] if words[2] == "fork" else "" if words[1] == young else young
            ending = words[1] if words[2] in ("exit", "closeall") else ""
        elif words[1:2] == ["/proc/sys/vm/drop_caches"] or words[:2] == ["put", "/cg/a/memory.max"]:
            ending = "caches"
    return count, wrong
