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
    return status


@command(rest("names", raw=True, meta="[-a] [-nps] [NAME"), topic=TOPIC, needs_box=False, shell=True)
def enable(box: object, args: Args, io: IO) -> int:
    """the builtins of the shell: which there are; none can be taken away

    enable -s

    -s lists those that POSIX calls special, -n those that were taken away: none.
    """
    on, _, words, _ = short_options(args.names, "anps")
    if not words or "p" in on:
        shown = () if "n" in on and "a" not in on else sorted(SPECIAL if "s" in on else BUILTINS)
        io.out("".join(f"enable {name}\n" for name in shown))
        return 0
    status = 0
    for name in words:
        if name not in BUILTINS:
            io.complain(f"{name}: not a shell builtin")
            status = 1
        elif "n" in on:
            raise ShellError(f"-n: {name}: builtins cannot be taken away")
    return status
