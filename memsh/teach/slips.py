"""A slip at the prompt is not the end: a line of which init would die is not run, and says so.

Linux panics when init dies, and so does the box in scripts and with --strict. Whether a line would do that is found by
running it on a copy, where only commands that act as the current process are in it. No known deviations.
"""

from __future__ import annotations

from memsh.shell.session import Session
from memsh.teach.states import aside, run_line

ACTING = ("user space", "processes")  # topics of commands that act as the current process
HARMLESS = frozenset({"echo", "printf", "true", "false", "test", "[", "cat", "grep", "seq", "expect", "whatis"})
SAID = "memsh: init would die of this and the kernel panic: not run (run a.out starts a process; --strict runs it)\n"


def would_panic(session: Session, names: set[str], line: str) -> bool:
    """Whether a line with the commands `names` would end init, and with it the box."""
    box = session.box
    if box is None or session.strict or box.panicked or box.current is not box.init or session.jobs:
        return False
    known = session.registry.commands
    acting = {name for name in names if name in known and known[name].topic in ACTING}
    if not acting or acting & {"stress", "fragment"} or names - acting - HARMLESS:
        return False
    with aside(session):
        run_line(session, line)
        return bool(session.box.panicked)
