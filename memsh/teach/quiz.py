"""`quiz`: questions about the box as it is, answered by copies of it.

Which sizes and orders are asked follows from how many lines the session ran, so a script gets the same questions every
time. No known deviations: the questions are memsh's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from memsh.linux.box import Box
from memsh.shell import IO, Args, ShellError, UsageError
from memsh.shell.errors import Leave
from memsh.shell.session import Session
from memsh.teach.questions import Truth, ask_box, right, understood
from memsh.teach.states import aside, run_line


class Question(NamedTuple):
    """What is asked; `figure` is read after `command` (none: from the box as it is); `why` names what shows it."""

    ask: str
    command: str
    figure: str
    why: str


SIZES = ("100k", "40", "5000", "12k", "300", "1M", "96", "33k", "200", "64k", "700", "3000")


def _buddy(turn: int, box: Box) -> Iterator[Question]:
    order = 4 + turn % 6
    zone = [zone.name for zone in box.pages.nodes[0].zones_upto(box.arch.zone_normal) if zone.managed][-1]
    yield Question(f"How many free blocks of order {order} has {zone}?", "", f"buddy.{zone}.{order}",
                   "cat /proc/buddyinfo")  # fmt: skip
    yield Question(f"Which frame will `alloc_pages {order}` give? (buddy {zone})", f"alloc_pages {order}", "value",
                   f"explain -n alloc_pages {order}")  # fmt: skip
    yield Question(f"How many free blocks of order {order} will {zone} have after `alloc_pages {order}`?",
                   f"alloc_pages {order}", f"buddy.{zone}.{order}", f"explain -n alloc_pages {order}")  # fmt: skip
    yield Question(f"By how many pages does `alloc_page` change {zone}'s free pages in buddyinfo? (mind this CPU's "
                   "list)", "alloc_page", f"lost.{zone}", "explain -n alloc_page")  # fmt: skip
    yield Question(f"The whole row of {zone} after `drain_all_pages`: eleven numbers?", "drain_all_pages",
                   f"buddy.{zone}", "compare 'cat /proc/buddyinfo' 'drain_all_pages; cat /proc/buddyinfo'")  # fmt: skip


def _sizes(turn: int, box: Box) -> Iterator[Question]:
    for at in range(len(SIZES)):
        size = SIZES[(turn + at) % len(SIZES)]
        if size[-1] in "kM":
            yield Question(f"Which order holds {size}?", "", f"value of 'order {size}'", f"order {size}")
        else:
            yield Question(f"How many bytes does `kmalloc {size}` really take?", "",
                           f"value of 'ksize $(kmalloc {size})'", f"ksize $(kmalloc {size})")  # fmt: skip


def _slab(turn: int, box: Box) -> Iterator[Question]:
    size = (64, 128, 256, 512, 1024)[turn % 5]
    cache = f"kmalloc-{size}" if size < 1024 else "kmalloc-1k"
    yield Question(f"How many free objects of {cache} wait on this CPU?", "", f"slab.{cache}.waiting",
                   f"slab {cache}")  # fmt: skip
    yield Question(f"How many slabs will {cache} have after `kmalloc {size}`?", f"kmalloc {size}",
                   f"slab.{cache}.slabs", f"slab {cache}")  # fmt: skip
    yield Question(f"At which address will `kmalloc {size}` put its object? (slab {cache})", f"kmalloc {size}",
                   "value", f"slab {cache}")  # fmt: skip
    yield Question(f"How many objects fit in one slab of {cache}?", "", f"slab.{cache}.perslab",
                   f"grep {cache} /proc/slabinfo")  # fmt: skip
    yield Question("How many slabs of dentry are partly used?", "", "slab.dentry.partial", "slab dentry")


def _malloc(turn: int, box: Box) -> Iterator[Question]:
    small, large = ("100", "1000", "24", "3000")[turn % 4], ("100k", "200k", "400k")[turn % 3]
    yield Question(f"At which address will `malloc {small}` put its block? (heap)", f"malloc {small}", "value",
                   "heap")  # fmt: skip
    yield Question(f"How many page faults does `malloc {large}` take?", f"malloc {large}", "minflt",
                   f"explain -n malloc {large}")  # fmt: skip
    yield Question(f"How many system calls does `malloc {large}` make?", "",
                   f"value of 'strace malloc {large} | grep -c \"^[a-z0-9]*(\"'", f"strace malloc {large}")  # fmt: skip
    yield Question(f"By how many kB does `malloc {large}` change VmSize?", f"malloc {large}", "grown.status.VmSize",
                   "grep VmSize /proc/self/status")  # fmt: skip
    yield Question(f"And by how many kB VmRSS, for `malloc {large}`?", f"malloc {large}", "grown.status.VmRSS",
                   "grep VmRSS /proc/self/status")  # fmt: skip


def _faults(turn: int, box: Box) -> Iterator[Question]:
    length = 4 * (3 + turn % 11)
    yield Question(f"p=$(mmap 64k): how many page faults does `touch $p {length}k` take?", "",
                   f"minflt of 'p=$(mmap 64k); touch $p {length}k'", "man touch")  # fmt: skip
    yield Question("How many page faults does `read $(mmap 64k) 16k` take?", "", "minflt of 'read $(mmap 64k) 16k'",
                   "man read")  # fmt: skip
    yield Question(f"By how many kB does VmRSS grow when {length}k are only read? (the zero page)",
                   f"read $(mmap 64k) {length}k", "grown.status.VmRSS", "man read")  # fmt: skip
    yield Question("p=$(mmap 64k); touch $p 64k; fork: how many faults does the parent's next `touch $p 64k` take?",
                   "p=$(mmap 64k); touch $p 64k; fork", "minflt of 'touch $p 64k'", "man fork")  # fmt: skip
    yield Question("How many faults does `p=$(mmap 64k rw populate); touch $p 64k` take?", "",
                   "minflt of 'p=$(mmap 64k rw populate); touch $p 64k'", "man mmap")  # fmt: skip


def _hugepages(turn: int, box: Box) -> Iterator[Question]:
    pages, used = 4 + turn % 5, 1 + turn % 3
    pool = f"sysctl -w vm.nr_hugepages={pages}; h=$(mmap {2 * pages}M rw hugetlb); touch $h {2 * used}M"
    yield Question(f"{pool}: how many pages of the pool are reserved then?", pool, "meminfo.HugePages_Rsvd",
                   "man hugetlb")  # fmt: skip
    yield Question(f"sysctl -w vm.nr_hugepages={pages}; how many kB will Hugetlb be?",
                   f"sysctl -w vm.nr_hugepages={pages}", "meminfo.Hugetlb", "grep Hugetlb /proc/meminfo")  # fmt: skip
    size = f"{6 + 2 * (turn % 4)}M"
    yield Question(f"How many page faults does `p=$(mmap {size} rw); touch $p {size}` take?", "",
                   f"minflt of 'p=$(mmap {size} rw); touch $p {size}'", "man thp")  # fmt: skip
    plain = f"p=$(mmap {size} rw); madvise $p {size} nohugepage; touch $p {size}"
    yield Question(f"And `{plain}`?", "", f"minflt of '{plain}'", "man thp")
    yield Question(f"How many page faults does `touch $(mmap {size} rw hugetlb) {size}` take, if the pool has enough?",
                   "sysctl -w vm.nr_hugepages=10", f"minflt of 'touch $(mmap {size} rw hugetlb) {size}'",
                   "man hugetlb")  # fmt: skip


def _numa(turn: int, box: Box) -> Iterator[Question]:
    size = f"{3 + turn % 5}M"
    on_1 = "cat /proc/self/numa_maps | tail -n +8 | grep -o 'N1=[0-9]*' | head -1 | cut -d= -f2".replace("'", '"')
    dealt = f"p=$(mmap {size}); madvise $p {size} nohugepage; mbind $p {size} interleave 0,1; touch $p {size}"
    yield Question(f"{dealt}: how many of its pages are on node 1?", dealt, f"value of 'echo $({on_1})'", "man numa")
    yield Question("What is the distance from node 0 to node 1?", "",
                   "value of 'cut -d\" \" -f2 /sys/devices/system/node/node0/distance'", "numactl -H")  # fmt: skip
    yield Question("Through how many zones does a request go that begins on node 1?", "",
                   "value of 'zonelist | grep \"node 1 fallback\" | grep -o / | wc -l'", "zonelist")  # fmt: skip
    pages = 5 + 2 * (turn % 4)
    yield Question(f"sysctl -w vm.nr_hugepages={pages}: how many of them does node 0 get?",
                   f"sysctl -w vm.nr_hugepages={pages}",
                   "value of 'cat /sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages'",
                   "man numa")  # fmt: skip
    bound = f"p=$(mmap {size}); madvise $p {size} nohugepage; mbind $p {size} bind 1; touch $p {size}"
    yield Question(f"{bound}: how many of its pages are on node 1?", bound, f"value of 'echo $({on_1})'", "man numa")


def _containers(turn: int, box: Box) -> Iterator[Question]:
    group, size = "/sys/fs/cgroup/quiz", 1 + turn % 4
    make = f"echo +memory > /sys/fs/cgroup/cgroup.subtree_control; mkdir {group}; echo 0 > {group}/cgroup.procs"
    nice = "madvise $p 8M nohugepage"
    touched = f"{make}; p=$(mmap 8M rw); {nice}; touch $p {size}M"
    yield Question(f"{touched}: how many pages of anonymous memory does memory.stat tell of, in bytes?", touched,
                   f"value of 'grep \"^anon \" {group}/memory.stat | cut -d\" \" -f2'", "man cgroups")  # fmt: skip
    yield Question(f"{make}; p=$(mmap 8M rw); {nice}; touch $p 1: how many bytes is memory.current?",
                   f"{make}; p=$(mmap 8M rw); {nice}; touch $p 1", f"value of 'cat {group}/memory.current'",
                   "lesson containers")  # fmt: skip
    tight = f"{make}; echo {2 * size}M > {group}/memory.max; p=$(mmap 64M rw); touch $p 64M"
    yield Question(f"{tight}: what does memory.events say of oom_kill?", tight,
                   f"value of 'grep \"oom_kill \" {group}/memory.events | cut -d\" \" -f2'", "lesson containers")
    cached = f"{make}; dd if=/dev/zero of=/var/tmp/quiz bs=1M count={size} status=none"
    yield Question(f"{cached}: how many bytes does memory.stat call shmem?", cached,
                   f"value of 'grep \"^shmem \" {group}/memory.stat | cut -d\" \" -f2'", "lesson containers")
    yield Question(f"mkdir of {size} groups below /sys/fs/cgroup: what is nr_descendants?",
                   "; ".join(f"mkdir /sys/fs/cgroup/q{n}" for n in range(size)),
                   "value of 'grep nr_descendants /sys/fs/cgroup/cgroup.stat | cut -d\" \" -f2'", "man cgroups")


class Topic(NamedTuple):
    """Who makes the questions; options of a machine that they can be asked of ("": of any), and whether a box is one.
    """

    make: Callable[[int, Box], Iterator[Question]]
    machine: str = ""
    fits: Callable[[Box], bool] = lambda box: True


TOPICS = {
    "buddy": Topic(_buddy), "sizes": Topic(_sizes), "slab": Topic(_slab), "malloc": Topic(_malloc),
    "faults": Topic(_faults),
    "hugepages": Topic(_hugepages, "--arch x86_64", lambda box: box.hugetlb.available),
    "numa": Topic(_numa, "--arch x86_64 --cpus 2 --nodes 2", lambda box: len(box.pages.nodes) > 1),
    "containers": Topic(_containers, "--arch x86_64", lambda box: "CGROUPS" in box.model.options),
}  # fmt: skip


def questions(topic: str | None, turn: int, box: Box) -> Iterator[Question]:
    """Questions of one topic, or of all in turn that the box has. UsageError for a topic that is not there."""
    if topic is not None:
        if topic not in TOPICS:
            raise UsageError(f"there is no topic {topic}: {', '.join(TOPICS)}")
        if not TOPICS[topic].fits(box):
            raise ShellError(f"{topic}: this box has none (reset {TOPICS[topic].machine} has)")
        yield from TOPICS[topic].make(turn, box)
        return
    together = [list(islice(of.make(turn, box), 5)) for of in TOPICS.values() if of.fits(box)]
    for at in range(5):
        first = (turn + at) % len(together)
        yield from (group[at] for group in together[first:] + together[:first] if at < len(group))


def answer(session: Session, question: Question) -> Truth:
    """The truth, from a copy of the box. `lost.ZONE` and `grown.FIGURE` compare before and after."""
    with aside(session):
        kind, _, rest = question.figure.partition(".")
        if kind not in ("lost", "grown"):
            run = (lambda: run_line(session, question.command)[1]) if question.command else None
            return ask_box(session, question.figure, run)
        figure = f"zone.{rest}.free" if kind == "lost" else rest
        before = ask_box(session, figure).numbers[0]
        run_line(session, question.command)
        moved = ask_box(session, figure).numbers[0] - before
        moved = -moved if kind == "lost" else moved
        return Truth((moved,), str(moved))


def run(box: Box, args: Args, io: IO) -> int:
    """The command `quiz`."""
    if box.current is None:
        raise ShellError("there is no process to ask about (run a.out, or undo)")
    asked = answered = good = 0
    # what is to be asked is settled before anything is printed, so that a wrong topic says only that
    todo = list(islice(questions(args.topic, len(io.session.journal), box), args.questions))
    for number, question in enumerate(todo, 1):
        truth = answer(io.session, question)
        io.out(f"{number}. {question.ask}\n")
        said = _reply(io, question)
        if said is None:
            break
        asked += 1
        if not said:
            io.out(f"   It is {truth.text} ({question.why}).\n")
            continue
        answered += 1
        if right(said, truth, question.ask):
            good += 1
            io.out(f"   Right: {truth.text}.\n")
        elif understood(said) is None:
            io.out(f"   '{said}' is no number; it is {truth.text} ({question.why}).\n")
        else:
            io.out(f"   No: it is {truth.text}, not {said} ({question.why}).\n")
    io.out(f"{good} right of {asked}" + (f", {asked - answered} passed" if asked > answered else "") + "\n")
    return 0 if asked and good == asked else 1


def _reply(io: IO, question: Question) -> str | None:
    """What is answered; None for q or the end of input. `?` gives the hint, a command runs on a copy of the box."""
    while True:
        if io.is_tty:
            io.out("   > ")
        io.flush()
        line = io.stdin.readline()
        said = line.strip()
        if not line or said in ("q", "quit"):
            return None
        if said == "?":
            io.out(f"   Look at it: {question.why}\n")
        elif said and understood(said) is None and io.session.registry.knows(said.split()[0]):
            io.out(look(io.session, said))
        else:
            return said


def look(session: Session, line: str) -> str:
    """What a line prints that is run on a copy of the box, of which nothing stays."""
    with aside(session):
        try:
            return run_line(session, line)[0]
        except Leave:
            return ""
