"""explain, where, trace, compare, expect: commands that tell what the box does. The heavy parts load when used."""

from __future__ import annotations

from memsh.alike import alike
from memsh.linux.box import Box
from memsh.procfs import tracing, tree
from memsh.shell import IO, Args, ShellError, arg, command, opt, rest
from memsh.shell.values import count
from memsh.teach.statement import given
from memsh.teach.states import aside, changes, run_line, state

TOPIC = "session"


def load() -> None:
    """Importing this module declares its commands."""


def _tells_again(words: list[str]) -> bool:
    from memsh.teach.explain import tells_again  # start-up: 3 ms, for explain alone

    return tells_again(words)


@command(
    opt("-b", name="brief", help="the sentences only"), opt("-n", name="dry", help="on a copy: nothing changes"),
    opt("-d", name="depth", type=count, help="no deeper than so many functions", meta="N"),
    opt("--step", name="step", help="one event a key"), rest("words", raw=True, meta="COMMAND"), topic=TOPIC,
    hands_on=True, needs_box=False, outside=lambda session, args: _tells_again(args.words),
)  # fmt: skip
def explain(box: Box, args: Args, io: IO) -> int:
    """run a command and tell step by step what the kernel did

    explain alloc_pages 4

    It RUNS the command, unless -n (on a copy of the box). Shown are the functions by Linux's names with their C file,
    the tracepoints, each zone asked, a sentence for what matters, and which lines of buddyinfo, slabinfo, meminfo
    and vmstat changed. -b: the sentences only; -d N: no deeper than N functions; --step: one event a key. Without
    COMMAND: the last one that changed the box, told again on a box as it was before. Options stand before COMMAND; a
    redirection is COMMAND's (`explain echo 3 > /proc/sys/vm/drop_caches`), a whole line stands in quotes. Of a captured
    tree (--proc) `explain free` and `explain available` show the sums behind the figures.
    """
    if box is None:
        from memsh.commands.elsewhere import textviews  # start-up: 1 ms, for a captured /proc alone

        textviews.explain(args.words, io)
        return 0
    from memsh.teach.explain import run  # start-up: 3 ms, for explain alone

    return run(box, args, io)


@command(arg("function", help="a function of Linux or glibc, as in the sources"), topic=TOPIC, needs_box=False)
def where(box: Box, args: Args, io: IO) -> int:
    """the C file in which a function of Linux 6.1 (or glibc 2.36) stands, and what it does

    where rmqueue
    """
    from memsh.teach.functions import FUNCTIONS, find  # start-up: 1 ms of table, for explain alone

    hits = find(args.function)
    if not hits:
        close = alike(args.function, [known.name for known in FUNCTIONS.values()], 1)
        raise ShellError(f"no {args.function} among the functions that memsh models"
                         + (f" (did you mean {close[0]}?)" if close else ""))  # fmt: skip
    for found in hits:
        io.out(f"{found.name}()  {found.file}\n    {found.what}\n")
    return 0


@command(arg("what", choices=("on", "off", "show", "clear"), default="show"), topic=TOPIC)
def trace(box: Box, args: Args, io: IO) -> int:
    """record the kernel's tracepoints, and show them in the kernel's own words

    trace on; kmalloc 64; trace show

    `trace show` prints /sys/kernel/tracing/trace; `trace clear` empties it. `trace on` is `echo 1` into tracing_on and
    events/enable there; each CPU keeps buffer_size_kb of events.
    """
    if args.what == "show":
        io.out(tracing.show(box))
    elif args.what == "clear":
        tree.truncate(box, "/sys/kernel/tracing/trace")
    else:
        box.trace.record_all(args.what == "on")
        box.changes += 1
    return 0


@command(arg("first", meta="'CMD'"), arg("second", meta="'CMD'"), topic=TOPIC, outside=True)
def compare(box: Box, args: Args, io: IO) -> int:
    """run two commands from the same state, side by side, and undo both

    compare 'kmalloc 64k' 'vmalloc 64k'
    """
    sides: list[list[str]] = []
    before = state(box)
    for line in (args.first, args.second):
        with aside(io.session) as copy:
            text, status = run_line(io.session, line)
            rows = [*text.splitlines(), *([f"status {status}"] if status else []), "",
                    *changes(before, state(io.session.box if io.session.box is not None else copy))]  # fmt: skip
        sides.append([f"$ {line}", *rows])
    from memsh.teach.explain import side_by_side  # start-up: 3 ms, for explain alone

    io.out(side_by_side(sides[0], sides[1], io.width))
    return 0


@command(rest("words", raw=True, required=True, meta="EXPR"), topic=TOPIC)
def expect(box: Box, args: Args, io: IO) -> int:
    """check a statement about the box: status 0 if it holds, 1 with what was found if not

    expect 'buddy.Normal.10 > 1'

    Statements (`expect not …` turns one round; quote < and >):
      FIGURE == FIGURE           also != < <= > >=
      unchanged FILE since NAME  a file of /proc against a snapshot; also: changed
      'REGEX' in FILE            a line of the file matches
    Figures:
      7, 64k, 0x1000+4k          numbers, sizes, sums
      buddy.ZONE.ORDER           free blocks, as in buddyinfo
      zone.ZONE.NAME             free, min, low, high, managed, nr_mlock, …: pages, as in zoneinfo
      meminfo.NAME, vmstat.NAME  kB; pages or events
      slab.CACHE.NAME            active objects size perslab pages limit batchcount shared active_slabs slabs, as in
                                 slabinfo; full, partial, empty: slabs on the three lists; waiting: objects in this
                                 CPU's array
      smaps.NAME                 Rss, Pss, Private_Dirty, …: kB of the current process; smaps.ADDR.NAME: of one area
      status.NAME                VmSize, VmRSS, …: kB, as in /proc/self/status
      self.minflt                also majflt, pid, areas (lines of maps)
      processes, clock           how many there are; the box's clock in µs
      minflt of 'COMMAND'        also majflt, status, value, lines: what COMMAND would take, yield or print, on a copy
    `FIGURE as PID` is that of another process, `FIGURE at NAME` that of a snapshot, `FIGURE since NAME` what it has
    grown by since then. What is no statement, or names what there is not, is status 2.
    """
    from memsh.teach.expectation import holds  # start-up: 12 ms, with the parsers of /proc

    ok, line = holds(io.session, given(args.words))
    io.out("" if ok else line + "\n")
    return 0 if ok else 1
