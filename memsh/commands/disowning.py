"""disown and enable: the shell's jobs, and what it does itself (bash: builtins/jobs.def, builtins/enable.def).

Known deviations: no builtin can be taken away, so -n lists none and takes none, and there is nothing to load (-f, -d).
"""

from __future__ import annotations

from memsh.commands.options import short_options
from memsh.shell import IO, Args, ShellError, command, rest
from memsh.shell.jobspecs import job_of, own
from memsh.shell.programs import BUILTINS, SPECIAL

TOPIC = "session"


@command(rest("jobs", raw=True, meta="[-h] [-ar] [%JOB"), topic=TOPIC, needs_box=False, shell=True)
def disown(box: object, args: Args, io: IO) -> int:
    """leave background jobs to themselves: `jobs` and `wait` know nothing of them any more

    sleep 5 & disown; jobs

    -a all of them, -r those that run, which is the same here; with -h they stay in the list.
    """
    on, _, words, _ = short_options(args.jobs, "har")
    session, status = io.session, 0
    chosen = own(session) if set(on) & {"a", "r"} and not words else []
    for word in words or (["%%"] if not set(on) & {"a", "r"} else []):
        job = job_of(session, word)
        if job is None:
            io.complain(f"{word if words else 'current'}: no such job")
            status = 1
        else:
            chosen.append(job)
    if "h" not in on:
        for job in chosen:
            job.family = session.new_family()
            io.language.changes += 1
    return status


@command(rest("names", raw=True, meta="[-a] [-nps] [NAME"), topic=TOPIC, needs_box=False, shell=True)
def enable(box: object, args: Args, io: IO) -> int:
    """take builtins of the shell away (-n), or give them back; without names, which there are

    enable -n echo; type echo; enable echo

    What was taken away is looked for along $PATH. -a lists all, -s those that POSIX calls special, -n those taken away.
    """
    on, _, words, _ = short_options(args.names, "adfnps")
    disabled = io.language.disabled
    if "f" in on:
        raise ShellError(f"cannot open shared object {' '.join(words[:1])}: builtins are not loaded here")
    if not words or "p" in on:
        for name in sorted(SPECIAL if "s" in on else BUILTINS):
            if "a" in on or (name in disabled) is ("n" in on):
                io.out(f"enable {'-n ' * (name in disabled)}{name}\n")
        return 0
    status = 0
    for name in words:
        if name not in BUILTINS:
            io.complain(f"{name}: not a shell builtin")
            status = 1
        elif "d" in on:
            io.complain(f"{name}: not dynamically loaded")
            status = 1
        else:
            (disabled.add if "n" in on else disabled.discard)(name)
            io.language.changes += 1
    return status
