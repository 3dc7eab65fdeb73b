"""The session: help man name sudo clear jobs."""

from __future__ import annotations

from memsh.alike import alike
from memsh.commands.options import short_options
from memsh.shell import IO, Args, ShellError, UsageError, arg, command, rest
from memsh.shell import manual as pages
from memsh.shell.help import by_topic, manual, overview, short, topic_list
from memsh.shell.jobs import asked
from memsh.shell.jobspecs import Ended, ended, job_of, listed, pid_of, table
from memsh.shell.values import fixed

TOPIC = "session"


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
        close = registry.like(name) or alike(name, topics, 1)
        raise ShellError(f"no help topics match `{name}'" + (f" (did you mean {close[0]}?)" if close else ""))
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
    elif about := pages.lesson(name, min(io.width, 100)):
        io.out(about)
    else:
        close = alike(name, pages.pages(), 1) or registry.like(name)
        raise ShellError(f"no manual entry for {name}" + (f" (did you mean {close[0]}?)" if close else ""))
    return 0


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


@command(topic=TOPIC, needs_box=False)
def clear(box: object, args: Args, io: IO) -> None:
    """clear the terminal

    clear
    """
    io.control("\x1b[H\x1b[2J\x1b[3J")


@command(rest("words", raw=True, meta="[-lnprs] [%JOB"), topic=TOPIC, needs_box=False, shell=True)
def jobs(box: object, args: Args, io: IO) -> int:
    """what was started with &: it goes on while the box's clock moves; what has ended is listed once

    while true; do malloc 4k; sleep 1; done & sleep 3; jobs; kill %1

    -l shows the numbers that `$!` was, -p shows them alone, -r what runs, -s what is stopped (none).
    """
    on, _, words, _ = short_options(args.words, "lnprs")
    session, status = io.session, 0
    asked(session)
    chosen = table(session)
    if words:
        chosen = []
        for word in words:
            job = job_of(session, word) or session.language.finished.get(ended(session, word))
            if job is None:
                io.complain(f"{word}: no such job")
                status = 1
            else:
                chosen.append(job)
    told = {pid_of(session, job): job for job in chosen}
    if set(on) & {"n", "s", "r"}:
        told = {pid: job for pid, job in told.items() if on.count("r") and not isinstance(job, Ended)}
    lines = [f"{pid}\n" if "p" in on else listed(session, job, pid if "l" in on else "") for pid, job in told.items()]
    io.out("".join(lines))
    language = io.language
    language.heard.update(pid for pid, job in told.items() if isinstance(job, Ended))
    return status
