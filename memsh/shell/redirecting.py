"""A command's redirections: opened before it, closed behind it (bash: execute_cmd.c, redir.c).

No known deviations of its own: see redirects.py.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from memsh.shell.errors import Leave, ShellError
from memsh.shell.io import IO
from memsh.shell.redirects import Closed, Opener

if TYPE_CHECKING:
    from memsh.shell.io import Input, Sink
    from memsh.shell.language import Language
    from memsh.shell.redirects import Table
    from memsh.shell.run import Runner
    from memsh.shell.session import Session
    from memsh.shell.syntax import Node, Redirect

NULL = "/dev/null"
UNWATCHED = nullcontext()


class Redirecting:
    """The part of Runner that is about them."""

    session: Session
    stdout: Sink
    stderr: Sink
    stdin: Input
    tty: bool
    refused: bool
    behind: list[tuple[int, Node | None, Any]]
    unopened = False  # the last redirections could not be opened

    if TYPE_CHECKING:

        @property
        def language(self) -> Language: ...
        def complain(self, name: str, error: ShellError, line: int = 0) -> int: ...
        def uncaught(self, name: str, error: OSError, doing: str = "") -> int: ...
        def settle_streams(self) -> None: ...
        def with_streams(self, table: Table) -> Runner: ...
        def lasts(self, table: Table, line: int) -> int: ...
        def replace(self, streams: dict[int, Any], tty: bool) -> None: ...
        def drop(self, numbers: list[int]) -> None: ...
        def _before_functions(self, name: str) -> bool: ...

    def redirected(
        self, redirects: list[Redirect], line: int, work: Callable[[Runner], int], name: str = "", apart: bool = False
    ) -> int:  # fmt: skip
        """Open the files, let `work` run with them, close them: closing is where /proc may refuse what was written.
        `apart`: on a Linux box another process does the work."""
        opener = Opener(self)  # type: ignore[arg-type]
        quiet = all(redirect.target == NULL for redirect in redirects)  # that asks nothing of the kernel
        watched = UNWATCHED if quiet else self.session.hooks.watch or UNWATCHED
        try:
            with watched:
                for redirect in redirects:
                    opener.apply(redirect)
        except ShellError as error:
            opener.close()
            self.unopened = True
            status = self.complain("memsh", error, line)
            self._console()
            if name and self._before_functions(name) and not self.language.strict:
                raise Leave(status) from None
            return status
        table = opener.table()
        if opener.dropped:
            self.drop(opener.dropped)
        if opener.moved and not apart:  # in this very shell nobody opens again what was moved
            self.replace(dict.fromkeys(opener.moved, Closed()), self.tty)
        if opener.named:
            self.replace({number: opener.streams[number] for number in opener.named}, self.tty)
        runner = self.with_streams(table)
        try:
            status = work(runner)
        finally:
            self.refused = self.refused or runner.refused
            if runner.others is not table.others:
                runner.close_covered()
            failure: OSError | None = None
            for sink in table.opened:
                try:
                    with watched:
                        sink.close()
                except OSError as error:
                    failure = error
            if self.behind:
                self.settle_streams()
        if failure is not None:
            status = self.uncaught(name, failure, "write error: ")
        if not quiet:
            self._console()
        return status

    def _console(self) -> None:
        """A file was opened, written and closed, beside what its command did: what the kernel has to say of that."""
        if self.session.hooks.console is not None:
            self.session.hooks.console(IO(self.session, self.stdout, self.stderr, self.stdin, self))  # type: ignore[arg-type]

    def keep_redirected(self, redirects: list[Redirect], line: int) -> int:
        """`exec > FILE`: from here on the shell's own streams."""
        opener = Opener(self, lasting=True)  # type: ignore[arg-type]
        try:
            for redirect in redirects:
                opener.apply(redirect)
        except ShellError as error:
            status = self.complain("memsh", error, line)
        else:
            status = self.lasts(opener.table(), line)
        self._console()
        return status
