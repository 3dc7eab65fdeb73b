"""Which background job is meant: `%1`, `%%`, `%-`, `%name`, `%?text`, or the number that `$!` was.

A job is no process of the box, so its number is one that no process can have. (bash: builtins/common.c, get_job_spec)
Known deviation: a job that has ended is not listed any more; its status is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.shell.errors import ShellError

if TYPE_CHECKING:
    from memsh.shell.jobs import Job
    from memsh.shell.language import Language
    from memsh.shell.session import Session

STATE = "Running"
WIDTH = 24  # of the state in a list


def job_of(session: Session, word: str) -> Job | None:
    """The job that still goes on by that name; ShellError where several are meant."""
    jobs = session.jobs
    if not word.startswith("%"):
        return next((job for job in jobs if str(job.pid) == word), None)
    name = word[1:]
    if name in ("", "%", "+"):
        return jobs[-1] if jobs else None
    if name == "-":
        return jobs[-2] if len(jobs) > 1 else job_of(session, "%+")
    if name.isascii() and name.isdecimal():
        return next((job for job in jobs if job.number == int(name[:9])), None)
    if name[0] == "?":
        found = [job for job in jobs if name[1:] in job.text]
    else:
        found = [job for job in jobs if job.text.startswith(name)]
    if len(found) > 1:
        raise ShellError(f"{name}: ambiguous job spec")
    return found[0] if found else None


def ended(language: Language, word: str) -> str:
    """The `$!` of a job that has ended, by its number or as `%N` until it was waited for; "" if there is none."""
    if word in language.finished:
        return word
    if word.startswith("%"):
        for pid, (number, _) in language.finished.items():
            if word == f"%{number}" and pid not in language.heard:
                return pid
    return ""


def listed(session: Session, job: Job, numbers: bool) -> str:
    """A line of `jobs`, with `$!` if `numbers`."""
    jobs = session.jobs
    mark = "+" if job is jobs[-1] else "-" if len(jobs) > 1 and job is jobs[-2] else " "
    shown = f"{job.pid:5} " if numbers else " "
    return f"[{job.number}]{mark} {shown}{STATE:<{WIDTH}}{job.text}\n"
