"""What a shell says when it refuses: where that goes, under whose name, and what it ends (bash: error.c).

What memsh did not foresee is said here too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from memsh.shell.errors import BUG_STATUS, NOT_FOUND, Discarded, Dropped, Fatal, Leave, ShellError, WriteError
from memsh.shell.jobspecs import deadly, last_words
from memsh.shell.programs import is_builtin

if TYPE_CHECKING:
    from memsh.shell.io import Sink
    from memsh.shell.language import Language
    from memsh.shell.run import Runner
    from memsh.shell.session import Session
    from memsh.shell.syntax import Redirect, Simple


class Refusals:
    """The part of Runner that is about them."""

    session: Session
    stderr: Sink
    where: str
    refused: bool

    if TYPE_CHECKING:

        @property
        def language(self) -> Language: ...
        def redirected(
            self, redirects: list[Redirect], line: int, work: Callable[[Runner], int], name: str = ""
        ) -> int: ...

    def refuse(self, error: ShellError, node: Simple) -> int:
        """Say why a command cannot be called (bash: execute_cmd.c, execute_disk_command).

        That is said where the command's redirections lead, all of which have been made by then. Words that cannot be
        expanded are refused before that: of the redirections only those of standard error are looked at.
        """
        redirects = [] if isinstance(error, Fatal) else node.redirects or []
        if not error.expanded:
            redirects = [redirect for redirect in redirects if redirect.fd == 2 or redirect.op == "&>"]
        if not redirects:
            return self.complain("", error, node.line)
        return self.redirected(redirects, node.line, lambda runner: runner.complain("", error, node.line))

    def say(self, text: str) -> None:
        """Write to standard error; if that is closed, to nobody."""
        try:
            self.stderr.write(text)
        except OSError:
            return

    def uncaught(self, name: str, error: OSError, doing: str = "") -> int:
        """Say what the kernel refused and the command did not handle; its status. `doing`: see last_words()."""
        self.refused = True
        builtin = not name or is_builtin(self.language, name)
        signal = deadly(self.language, error, builtin)
        writes = isinstance(error, WriteError) or getattr(error, "signal", None) is not None
        doing = doing or ("write error: " if writes else "")
        typed = self.language.strict or self.language.interactive
        dies = not typed or len(self.language.shells) > 1  # the shell that somebody types at goes on
        status, words = last_words(name, error, signal if dies or not builtin else 0, doing)
        self.say(words)
        if builtin and signal and dies:
            raise Leave(status)
        return status

    def bug(self, name: str, error: Exception) -> int:
        """Something memsh did not foresee: say so, mark the box, check it. Tests see the exception itself.

        Without a box it is what a recorded tree holds, and no bug.
        """
        recorded = self.session.box is None and self.session.reader is not None
        if recorded and isinstance(error, (ValueError, LookupError, ArithmeticError)):
            last = getattr(self.session.reader, "last", "") or "the recorded tree"
            return self.complain(name, ShellError(f"{last}: not as Linux writes it"))
        if "PYTEST_CURRENT_TEST" in os.environ:
            raise error
        self.refused = True
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = ""
        if trace is not None:
            place = f" at {trace.tb_frame.f_code.co_filename.rpartition('memsh/')[2]}:{trace.tb_lineno}"
        self.say(f"{name}: this is a bug in memsh: {type(error).__name__}: {error}{place}\n")
        if self.session.on_bug is not None:
            try:
                said = self.session.on_bug(self.session, name)
            except Exception as worse:  # the check itself may meet the same damage
                said = f"check could not run: {type(worse).__name__}"
            self.say(f"{name}: the box may be damaged: {said}; `undo` or `reset` gives a sound one\n")
        return BUG_STATUS

    def complain(self, name: str, error: ShellError, line: int = 0) -> int:
        """Print a refusal; in a script with the place where it stands.

        In a script a Fatal one ends it, a Dropped one its line; at the prompt neither does more than any other.
        """
        self.refused = True
        severe = isinstance(error, (Dropped, Fatal))
        if error.message:
            own = name in ("", "memsh")  # the shell's own words, that of a command which refuses its words among them
            if self.where and line and error.placed and (own or error.status != 1):
                place, who = f"{self.where}:{line}: ", "" if own else name
                text = error.message.removeprefix("memsh: ")
            else:
                place, who, text = "", name or ("memsh" if severe else ""), error.message
            self.say(f"{place}{who}: {text}\n" if who and not error.bare else f"{place}{text}\n")
        if severe and not self.language.strict:
            if (isinstance(error, Fatal) or "posix" in self.language.options) and not self.language.interactive:
                raise Leave(NOT_FOUND if self.language.commanded and not self.language.level else error.status)
            raise (Discarded if isinstance(error, Discarded) else Dropped)("", 1)
        return error.status

    def dropped(self, error: Dropped) -> int:
        """What dropped a line, told if nobody has told it; the line's status."""
        if error.message:
            self.say(f"memsh: {error.message}\n")
        return error.status
