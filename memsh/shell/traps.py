"""Traps: what runs at the end, at a failure, at a signal, around commands (bash: trap.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from memsh.shell.errors import Discarded, Dropped, Killed, Leave, Return
from memsh.shell.told import within

if TYPE_CHECKING:
    from memsh.shell.language import Language
    from memsh.shell.session import Session
    from memsh.shell.syntax import Node

T = TypeVar("T")


class Traps:
    """The part of Runner that runs them."""

    session: Session

    if TYPE_CHECKING:

        @property
        def language(self) -> Language: ...
        def run_text(self, text: str) -> int: ...
        def dropped(self, error: Dropped) -> int: ...

    def trap(self, signal: str) -> None:
        """Run what `trap` set for it, which sees the status of before."""
        language = self.language
        text = language.traps.get(signal, "")
        if not text or signal in language.trapping:
            return
        status, statuses, line = language.last_status, language.statuses, self.session.running_line
        language.trapping.append(signal)
        language.trapped.append(status)
        try:
            with within(self.session):
                self.run_text(text)
        finally:
            language.trapping.remove(signal)
            language.trapped.pop()
        language.last_status, language.statuses, self.session.running_line = status, statuses, line

    def stands(self, node: Node) -> None:
        """From here on `$LINENO` is that command's; a trap has the line of what it works for."""
        trapping = self.language.trapping
        if not trapping or trapping[-1] == "EXIT":
            self.session.running_line = node.line

    def debugged(self, node: Node) -> None:
        """`trap … DEBUG`: before a command, which `$BASH_COMMAND` shows."""
        language = self.language
        if "DEBUG" in language.trapping:
            return
        language.command = node
        self.stands(node)
        self.trap("DEBUG")

    def returned(self, run: Callable[[T], int], what: T) -> int:
        """Run a function's body or a script's text, which `return` ends; then `trap … RETURN`."""
        try:
            status = run(what)
        except Return as back:
            status = back.status
        if "RETURN" in self.language.traps:
            self.language.last_status = status
            self.trap("RETURN")
        return status

    def deliver(self) -> None:
        """Signals that this shell has trapped, between two commands."""
        session, traps = self.session, self.language.traps
        mine = [name for owner, name in session.signals if owner is traps]
        session.signals = [(owner, name) for owner, name in session.signals if owner is not traps]
        language = self.language
        for program, signal in session.killed:
            if program == language.program and session.running_job is language.job:
                session.killed.remove((program, signal))
                raise Killed(128 + signal, program)
        for name in mine:
            self.trap(name)

    def at_exit(self, status: int) -> int:
        """`trap … EXIT`, once; answers the status to leave with."""
        language = self.language
        text = language.traps.get("EXIT", "")
        if not text or "EXIT" in language.trapping:
            return status
        language.last_status = status
        language.trapping.append("EXIT")
        language.trapped.append(status)
        if not language.level:
            language.depth = -1  # `set -x` shows it as what the shell itself does
        try:
            self.run_text(text)
        except (Leave, Return) as leave:
            return leave.status
        except Discarded as error:
            self.dropped(error)
        finally:
            language.trapping.remove("EXIT")
            language.trapped.pop()
            language.traps.pop("EXIT", None)
        return status
