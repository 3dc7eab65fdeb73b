"""undo, redo, snapshot, restore, reset, save, diff: moving along the journal."""

from __future__ import annotations

import difflib
import shlex
from contextlib import nullcontext
from pathlib import Path

from memsh import __version__
from memsh.commands.paths import is_procfs, resolve, stat_kind
from memsh.linux.box import Box
from memsh.linux.config import Config, nodes_text
from memsh.procfs import tree
from memsh.shell import IO, Args, ShellError, arg, command, opt, rest
from memsh.shell.errors import INTERRUPTED, Interrupted, Unreasonable
from memsh.shell.limits import SNAPSHOTS
from memsh.shell.registry import REGISTRY
from memsh.shell.session import Session
from memsh.shell.told import ReadAgain, told_of
from memsh.shell.values import count, wide_size
from memsh.teach import hostfile, marks
from memsh.teach.journal import Heard, Snapshot, State, Timeline, attach, reset_line
from memsh.textutils.differing import compare, diff_tool

TOPIC = "session"


def load() -> None:
    """Importing this module declares its commands."""


def _timeline(io: IO) -> Timeline:
    """The timeline, if this is no background job, which has only one time."""
    if io.session.running_job is not None:
        raise ShellError("not from a background job")
    return attach(io.session)


@command(arg("count", type=count, default="1", help="how many commands"), topic=TOPIC, alone=True)
def undo(box: Box, args: Args, io: IO) -> int:
    """take back the last command that changed the box

    malloc 100; undo

    Commands that changed nothing are skipped; the line says which one was meant: `undone: 14 "malloc 1M"`. Values,
    variables, the directory and the current process go back with the box. `undo 3` takes back three; `redo` runs
    them again.
    """
    timeline = _timeline(io)
    at, left, told = len(timeline.entries), args.count, []
    while at and left > 0:
        at -= 1
        if timeline.entries[at].changed:
            left -= 1
            told.append(timeline.entries[at])
    if not told:
        raise ShellError("there is nothing to undo")
    while not timeline.entries[at].changed:
        at += 1
    with timeline.journey():
        timeline.travel(at)
    timeline.cut(at)
    timeline.settle()
    for entry in told:
        io.out(f'undone: {entry.number} "{entry.line}"\n')
    return 0


@command(arg("count", type=count, default="1", help="how many commands"), topic=TOPIC, alone=True)
def redo(box: Box, args: Args, io: IO) -> int:
    """run again what undo took back

    malloc 100; undo; redo
    """
    timeline = _timeline(io)
    left, told, again = args.count, [], []
    still = not io.session.jobs  # else it goes on in place, to the end
    with timeline.journey() if still else nullcontext():
        if still and timeline.undone:
            timeline.enter(timeline.here())
        while timeline.undone and (left > 0 or not timeline.undone[-1].changed):
            entry = timeline.undone.pop()
            timeline.entries.append(entry)
            again.append(entry)
            timeline.pass_by(entry)
            if entry.changed:
                left -= 1
                told.append(entry)
    if not told:
        raise ShellError("there is nothing to redo")
    if timeline.store is not None:
        for entry in again:
            timeline.store.again(entry)
    timeline.settle()
    for entry in told:
        io.out(f'redone: {entry.number} "{entry.line}"\n')
    return 0


@command(arg("name", help="what to call it"), topic=TOPIC, alone=True)
def snapshot(box: Box, args: Args, io: IO) -> int:
    """keep the box as it is under a name

    snapshot before

    `restore before` brings it back, `diff before after` compares two.
    """
    timeline = attach(io.session)
    if args.name not in timeline.snapshots and len(timeline.snapshots) >= SNAPSHOTS:
        raise Unreasonable(f"there are {SNAPSHOTS} snapshots, and {SNAPSHOTS} are as many as memsh keeps")
    with io.looking():
        state = timeline.capture()
    timeline.snapshots[args.name] = Snapshot(state, timeline.script())
    if timeline.store is not None:
        timeline.store.snapshot(args.name, len(timeline.entries))
    return 0


def _snapshot(timeline: Timeline, name: str) -> State:
    if name not in timeline.snapshots:
        known = ", ".join(timeline.snapshots) or "none yet"
        raise ShellError(f"there is no snapshot {name} (there are: {known})")
    return timeline.snapshot(name)


@command(arg("name", help="a snapshot's name"), topic=TOPIC, alone=True)
def restore(box: Box, args: Args, io: IO) -> int:
    """bring back the box kept by snapshot

    snapshot before; malloc 1M; restore before

    `undo` takes the restoring back.
    """
    timeline = _timeline(io)
    state = _snapshot(timeline, args.name)
    timeline.jump(state, timeline.snapshots[args.name].script, f"restore {shlex.quote(args.name)}")
    return 0


@command(
    opt("--arch", choices=("i386", "x86_64"), help="the machine"),
    opt("--ram", type=wide_size, help="RAM, 32M to 4G; x86_64: 64M to 1T"),
    opt("--cpus", type=int, help="CPUs, 1 to 8; x86_64: to 64"),
    opt("--nodes", type=str, help="x86_64: NUMA nodes, 2 or 4G:0-1,4G:2-3"),
    opt("--distance", type=int, help="between any two nodes"),
    opt("--swap", type=wide_size, help="swap space"), opt("--cmdline", type=str, help="the kernel's command line"),
    opt("--seed", type=int, help="of the addresses that are random without norandmaps"),
    opt("--age", type=str, help="let it live for a while first (30s, 10m, 2h)"),
    opt("--from", type=str, name="folder", meta="DIR", help="a recorded machine"),
    opt("--typed", help="what follows in this script was typed: an unset $name is an error, none names its place"),
    topic=TOPIC, alone=True,
)  # fmt: skip
def reset(box: Box, args: Args, io: IO) -> int:
    """boot a new box, the same or another

    reset --ram 512M

    Without options it is the box that the session began with; with some, they stand in for those of the present box. A
    recorded machine (--from) is named anew. `undo` brings the old one back.
    """
    timeline = _timeline(io)
    if args.folder is not None and io.session.no_host:
        raise ShellError("--from: reads from the host, which this session may not")
    wanted = {"--arch": args.arch, "--ram": args.ram, "--cpus": args.cpus, "--nodes": args.nodes,
              "--distance": args.distance, "--swap": args.swap, "--cmdline": args.cmdline,
              "--seed": args.seed, "--age": args.age, "--from": args.folder}  # fmt: skip
    given = {name: str(value) for name, value in wanted.items() if value is not None}
    boot = None
    if given:
        boot = {name: value for name, value in io.session.boot.items() if name != "--from"} | given
        if "--from" in boot:
            boot["--from"] = str(Path(boot["--from"]).absolute())
    state = timeline.fresh(boot)
    line = reset_line(state.boot)
    timeline.jump(state, [line], line)
    if args.typed:
        io.language.strict = True
        io.runner.where = ""  # what refuses one of the lines names no file, as it named none then
    for note in state.box.notes:
        io.err(f"{note}\n")
    return 0


@command(
    arg("line", meta="'LINE'"), arg("status", type=count), arg("number", type=count), arg("word"),
    rest("statuses", type=count, meta="STATUS"), topic=TOPIC, runs_line=True,
)  # fmt: skip
def heard(box: Box, args: Args, io: IO) -> int:
    """run a line that finds what another one left: scripts written by save hold such lines

    heard 'x=$?' 1 1 grep 1

    STATUS is what `$?` is to the line, NUMBER its `$LINENO`, WORD its `$_`; then PIPESTATUS.
    """
    Heard(args.status, args.word, tuple(args.statuses or [0])).again(io.language)
    return io.runner.run_script(args.line, "", max(1, args.number))


@command(arg("polls", type=count, meta="N"), arg("line", meta="'LINE'"), topic=TOPIC, runs_line=True)
def stopped(box: Box, args: Args, io: IO) -> int:
    """run a line that is cut where Ctrl-C once cut it: scripts written by save hold such lines

    stopped 100 'while true; do malloc 4k; done'

    N counts the safe points at which Ctrl-C is looked for.
    """
    session = io.session
    job, stops = session.running_job, session.stops
    before = stops.get(job)
    stops[job] = session.polls + args.polls if before is None else min(before, session.polls + args.polls)
    try:
        return io.runner.run_script(args.line, "")
    except Interrupted:
        if session.interrupted and not session.replaying:  # another Ctrl-C, now
            raise
        return INTERRUPTED
    finally:
        session.cut_at, session.was_interrupted = 0, False
        if before is None:
            stops.pop(job, None)
        else:
            stops[job] = before


@command(arg("line", meta="'LINE'"), rest("words", raw=True, meta="STATUS TEXT"), topic=TOPIC, runs_line=True)
def answered(box: Box, args: Args, io: IO) -> int:
    """run a line whose questions to the session and the host were answered before: scripts written by save hold such

    answered 'x=$(history)' 0 '1 malloc 64k'

    Each STATUS TEXT is what one of the commands that belong to the session said when the line was typed; here they say
    it again, and do nothing. Scripts of the host that it sourced and what it read of standard input are told so, too;
    `!STATUS` tells words of a refusal.
    """
    doing, runner = io.session.doing, io.runner
    before, stdin = doing.again, runner.stdin
    doing.again = told_of(args.words)
    runner.stdin = ReadAgain(doing.again)
    try:
        return runner.run_script(args.line, "")
    finally:
        doing.again, runner.stdin = before, stdin


@command(
    arg("file", help="a file of the host"), opt("-f", help="replace it if it is there", name="force"), topic=TOPIC,
    alone=True,
)  # fmt: skip
def save(box: Box, args: Args, io: IO) -> int:
    """write a script that rebuilds this very box

    save lesson.memsh

    The script holds a `reset` with the options of the box (--age and --from among them) and the lines that changed it,
    as typed, with names and $N. An existing file is replaced with -f only, and only if memsh wrote it.
    """
    if io.session.no_host:
        raise ShellError("writes to the host, which this session may not")
    lines = attach(io.session).script()
    if lines[0].startswith("reset"):
        lines[0] = _whole_reset(io.session, lines[0]) + (" --typed" if io.language.strict else "")
    text = f"# memsh {__version__}\n" + "".join(line + "\n" for line in lines)
    hostfile.write(args.file, text, "script", args.force)
    return 0


def _whole_reset(session: Session, line: str) -> str:
    """The `reset` of a script with every option spelled out, so that it means the same in a later version."""
    words = shlex.split(line)[1:]
    boot = dict(zip(words[::2], words[1::2], strict=True)) if words else dict(session.begun_with)
    config = session.box.config
    whole = {"--ram": str(config.ram), "--cpus": str(config.firmware_cpus), "--swap": str(config.swap),
             "--cmdline": config.cmdline}  # fmt: skip
    if config.seed:
        whole |= {"--seed": str(config.seed)}
    if config.arch != Config().arch:
        whole |= {"--arch": config.arch}
    if config.firmware_nodes:
        whole |= {"--nodes": nodes_text(config.firmware_nodes), "--distance": str(config.distance)}
    return reset_line((boot if "--from" in boot else whole) | boot)


def _difference(io: IO, before: Box, after: Box, path: str) -> bool:
    old, new = tree.show(before, path).splitlines(), tree.show(after, path).splitlines()
    was = dict(enumerate(marks.pairs(old, new)[0]))
    lines = []
    for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, False).get_opcodes():
        if tag != "equal":
            lines += ["-" + line for line in old[a:b]]
            lines += ["+" + marks.line(was[at], new[at]) if was[at] is not None else "+" + new[at]
                      for at in range(c, d)]  # fmt: skip
    io.out("".join(line + "\n" for line in ([f"--- {path}", f"+++ {path}", *lines] if lines else [])))
    return bool(lines)


def _two_files(session: Session, args: Args) -> bool:
    """Whether it is the tool of that name that is meant: with options, or when no word is a snapshot's."""
    names: list[str] = args.files
    if args.typed or args.version or len(names) not in (1, 2, 3):
        return True
    kinds = ("file", "dir")
    there = [name == "-" or name.startswith("/dev/fd/") or stat_kind(session, name) in kinds for name in names]
    if len(names) == 1:
        return not is_procfs(resolve(session, names[0]))
    known = attach(session).snapshots
    return (len(names) == 2 and all(there)) or not (names[0] in known or names[1] in known)


def diff(box: Box, args: Args, io: IO) -> int:
    """what the last command that changed the box changed in a file, or what differs between two snapshots

    malloc 1M; diff /proc/meminfo

    A `>` marks each figure that changed. `diff before after /proc/buddyinfo` compares snapshots, and where the words
    are files or folders, `diff FILE FILE` is the tool of that name.
    Status 1 if there is a difference, as diff's.
    """
    if _two_files(io.session, args):
        return compare(io, args)
    timeline = attach(io.session)
    names: list[str] = args.files
    if len(names) > 1:
        one, two = _snapshot(timeline, names[0]), _snapshot(timeline, names[1])
        return int(_difference(io, one.box, two.box, names[2] if len(names) > 2 else "/proc/meminfo"))
    tree.show(box, names[0])
    changed = [at for at, entry in enumerate(timeline.entries) if entry.changed]
    if not changed:
        raise ShellError("no command has changed the box yet")
    with timeline.away():
        timeline.travel(changed[-1])
        before = io.session.box
    entry = timeline.entries[changed[-1]]
    io.out(f'{entry.number} "{entry.line}"\n')
    return int(_difference(io, before, box, names[0]))


_DIFF = diff_tool(diff, TOPIC)
_DIFF.outside = lambda session, args: not _two_files(session, args)
REGISTRY.add(_DIFF)
