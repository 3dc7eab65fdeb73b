"""The session: help man history source exit name sudo unset export, break and continue, clear, jobs."""

from __future__ import annotations

import difflib
from pathlib import Path

from memsh.shell import IO, Args, ShellError, UsageError, arg, command, rest
from memsh.shell import manual as pages
from memsh.shell.errors import Leave, LoopControl
from memsh.shell.help import by_topic, manual, overview, short, topic_list
from memsh.shell.values import count, fixed

TOPIC = "session"
DEEPEST_SOURCE = 50
SCRIPT_LIMIT = 16 << 20


@command(rest("words", meta="COMMAND|TOPIC", words="command"), topic=TOPIC, needs_box=False)
def help(box: object, args: Args, io: IO) -> int:
    """all commands on one screen, or one of them, or one topic

    help kmalloc
    """
    registry = io.session.registry
    name = " ".join(args.words)
    if not name:
        io.out(overview(registry, io.width))
        return 0
    topics = by_topic(registry)
    if name in registry.commands:
        io.out(short(registry.commands[name]))
    elif name in registry.groups:
        for member in registry.groups[name]:
            io.out(short(registry.commands[f"{name} {member}"]))
    elif name in topics:
        io.out(topic_list(topics[name], io.width))
    else:
        close = registry.like(name) or difflib.get_close_matches(name, topics, 1)
        raise ShellError(f"there is no command or topic {name}" + (f" (did you mean {close[0]}?)" if close else ""))
    return 0


@command(rest("words", meta="COMMAND|TOPIC", words="manual"), topic=TOPIC, needs_box=False)
def man(box: object, args: Args, io: IO) -> int:
    """everything about a command or a topic; without one, the topics

    man alloc_pages
    man errata
    """
    registry = io.session.registry
    name = " ".join(args.words)
    if not name:
        io.out("man COMMAND, or one of these pages:\n" + pages.contents())
    elif name in pages.pages() and name not in registry.commands:
        io.out(pages.page(name, min(io.width, 100)))
    elif name in registry.commands:
        io.out(manual(registry.commands[name]))
        if name in pages.pages():
            io.out("\n" + pages.page(name, min(io.width, 100)))
    elif name in registry.groups:
        io.out("\n".join(manual(registry.commands[f"{name} {member}"]) for member in registry.groups[name]))
    elif name in by_topic(registry):
        io.out("\n".join(manual(declared) for declared in by_topic(registry)[name]))
    else:
        close = difflib.get_close_matches(name, pages.pages(), 1) or registry.like(name)
        raise ShellError(f"no manual entry for {name}" + (f" (did you mean {close[0]}?)" if close else ""))
    return 0


@command(arg("count", type=count, default=None, help="only the last so many"), topic=TOPIC, needs_box=False)
def history(box: object, args: Args, io: IO) -> None:
    """the lines of this session, numbered

    history 10
    """
    lines = io.session.journal
    first = 0 if args.count is None else max(0, len(lines) - max(0, args.count))
    for number, line in enumerate(lines[first:], first + 1):
        if not line:  # of a resumed session only what changed the box is known
            continue
        io.out(f"{number:5}  {line}\n")


@command(arg("file", help="a file of the host", words="host path"), topic=TOPIC, needs_box=False)
def source(box: object, args: Args, io: IO) -> int:
    """run the lines of a script here

    source scripts/demo.memsh
    """
    session = io.session
    if session.no_host:
        raise ShellError("reads from the host, which this session may not")
    if session.source_depth >= DEEPEST_SOURCE:
        raise ShellError("scripts that source each other: nested too deeply")
    path = Path(args.file)
    try:
        if not path.is_file():
            raise ShellError(f"{args.file}: {'Is a directory' if path.is_dir() else 'No such file or directory'}")
        if path.stat().st_size > SCRIPT_LIMIT:
            raise ShellError(f"{args.file}: File too large")
        text = path.read_text("utf-8", "replace")
    except (OSError, ValueError) as error:
        raise ShellError(f"{args.file}: {getattr(error, 'strerror', None) or error}") from None
    session.sourced.append((args.file, text))
    session.source_depth += 1
    try:
        return io.runner.run_script(text, args.file)
    finally:
        session.source_depth -= 1


def _leave(io: IO, words: list[str]) -> None:
    status = io.session.last_status
    if words:
        if len(words) > 1 or not words[0].lstrip("-").isdigit():
            raise UsageError("give one number, or nothing (usage: exit [STATUS])")
        status = int(words[0]) & 0xFF
    raise Leave(status)


@command(rest("status", raw=True, meta="STATUS"), topic=TOPIC, needs_box=False)
def exit(box: object, args: Args, io: IO) -> None:
    """leave memsh, with the status of the last command

    exit
    """
    _leave(io, args.status)


@command(rest("status", raw=True, meta="STATUS"), topic=TOPIC, needs_box=False)
def quit(box: object, args: Args, io: IO) -> None:
    """leave memsh

    quit
    """
    _leave(io, args.status)


@command(arg("name", help="letters, digits and _"), topic=TOPIC, needs_box=False)
def name(box: object, args: Args, io: IO) -> None:
    """give the last value a name

    malloc 200k; name p; free $p
    """
    session = io.session
    if not (args.name.isidentifier() and args.name.isascii()):
        raise UsageError(f"'{args.name}' is not a name: letters, digits and _, no digit first")
    if not session.values:
        raise ShellError("there is no value yet")
    number, dec = session.values[-1]
    session.variables[args.name] = fixed(number, dec)
    io.out(f"${args.name} = {fixed(number, dec)}\n")


@command(rest("words", raw=True, required=True, meta="COMMAND", words="command"), topic=TOPIC, needs_box=False)
def sudo(box: object, args: Args, io: IO) -> int:
    """run a command (you are root already)

    sudo sysctl vm.min_free_kbytes
    """
    return io.run(args.words)


@command(rest("names", meta="NAME=VALUE"), topic=TOPIC, needs_box=False)
def export(box: object, args: Args, io: IO) -> None:
    """set variables; without words print them

    export n=64
    """
    session = io.session
    if not args.names:
        for known in sorted(session.variables):
            io.out(f"{known}={session.variables[known]}\n")
    for word in args.names:
        named, equals, text = word.partition("=")
        if not (named.isidentifier() and named.isascii()):
            raise UsageError(f"'{named}' is not a name")
        if equals:
            session.variables[named] = text
        elif named not in session.variables:
            raise ShellError(f"${named} is not set")


@command(rest("names", required=True, meta="NAME"), topic=TOPIC, needs_box=False)
def unset(box: object, args: Args, io: IO) -> None:
    """forget variables

    p=1; unset p
    """
    for named in args.names:
        io.session.variables.pop(named, None)


def _levels(io: IO, word: int) -> int:
    if word < 1:
        raise UsageError("a number of loops is from 1 up")
    if not io.session.loops:
        raise ShellError("only in a for or while loop")
    return min(word, io.session.loops)


@command(arg("levels", type=count, default=1), name="break", topic=TOPIC, needs_box=False)
def break_(box: object, args: Args, io: IO) -> None:
    """leave a loop

    while true; do malloc 1M || break; done
    """
    raise LoopControl(False, _levels(io, args.levels))


@command(arg("levels", type=count, default=1), name="continue", topic=TOPIC, needs_box=False)
def continue_(box: object, args: Args, io: IO) -> None:
    """go on with the next round of a loop

    for i in 1 2 3; do [ $i = 2 ] && continue; echo $i; done
    """
    raise LoopControl(True, _levels(io, args.levels))


@command(topic=TOPIC, needs_box=False)
def clear(box: object, args: Args, io: IO) -> None:
    """clear the terminal

    clear
    """
    io.control("\x1b[H\x1b[2J\x1b[3J")


@command(topic=TOPIC, needs_box=False)
def jobs(box: object, args: Args, io: IO) -> None:
    """what was started with & and has not ended: it goes on while the box's clock moves

    while true; do malloc 4k; sleep 1; done & sleep 3; jobs; kill %1
    """
    for job in io.session.jobs:
        io.out(f"[{job.number}]  {job.text}\n")


@command(rest("words", raw=True, meta="-e|+e"), name="set", topic=TOPIC, needs_box=False)
def set_(box: object, args: Args, io: IO) -> None:
    """print the variables; `set -e` and `set +e` stop or go on after a failing command

    set -e
    """
    for word in args.words:
        if word not in ("-e", "+e"):
            raise UsageError(f"'{word}': only -e and +e are known here")
        io.session.stop_on_error = word == "-e"
    if not args.words:
        for known in sorted(io.session.variables):
            io.out(f"{known}={io.session.variables[known]}\n")
