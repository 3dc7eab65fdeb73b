"""Streams that `exec` leaves to the shell: who has them, and when they are closed (bash: redir.c, execute_cmd.c).

What `exec` changes holds for all that works in this shell: in `{ exec 3> f; } > g`, in a function and in a sourced
script stream 3 stays, while 1 is as before when the redirection around ends. A `( … )`, a stage of a pipe and a job
are shells of their own: they begin with the same streams, and what they open is closed with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any

from memsh.shell.coprocess import closed
from memsh.shell.errors import ShellError
from memsh.shell.redirects import Closed

if TYPE_CHECKING:
    from memsh.shell.io import Input, Sink
    from memsh.shell.redirects import Table
    from memsh.shell.run import Runner
    from memsh.shell.session import Session

NOTHING: frozenset[int] = frozenset()
STANDARD = frozenset([0, 1, 2])


class Lasting:
    """The part of Runner that is about them."""

    session: Session
    stdout: Sink
    stderr: Sink
    stdin: Input
    others: dict[int, Any]
    tty: bool
    around: Runner | None
    behind: list[tuple[int, Any, Any]]
    covers: Collection[int] | None = None  # the streams that are not those around it; None: it is another shell
    known: dict[int, Any] | None = None  # of the session's own: what `exec` had opened as it looked last

    if TYPE_CHECKING:

        def complain(self, name: str, error: ShellError, line: int = 0) -> int: ...

    def held(self) -> dict[int, Any]:
        """Its streams by number."""
        return {0: self.stdin, 1: self.stdout, 2: self.stderr, **self.others}

    def take_session_streams(self) -> None:
        """Be the session's own: with its streams, and those that `exec` opened."""
        streams = self.session.streams
        self.known = opened = streams.opened
        if not opened:
            self.stdin, self.stdout, self.stderr = streams.stdin, streams.stdout, streams.stderr
            self.tty, self.others = streams.is_tty, {}
            return
        self.stdin, self.stdout = opened.get(0, streams.stdin), opened.get(1, streams.stdout)
        self.stderr, self.tty = opened.get(2, streams.stderr), streams.is_tty and 1 not in opened
        self.others = {number: stream for number, stream in opened.items() if number > 2}

    def renew(self) -> None:
        """Where a command has travelled to another time, that time's streams are the shell's."""
        if self.known is not None:
            if self.known is not self.session.streams.opened:
                self.take_session_streams()
        elif self.covers is not None and self.around is not None:
            self.around.renew()
            there = self.around.held()
            mine = self.held()
            gone = {number: None for number in mine if number not in there}
            self._put({n: stream for n, stream in (there | gone).items() if n not in self.covers}, self.around.tty)

    def _put(self, streams: dict[int, Any], tty: bool) -> None:
        others = dict(self.others)
        for number, stream in streams.items():
            if number > 2:
                others[number] = stream
        self.others = {number: stream for number, stream in others.items() if stream is not None}
        self.stdin = streams.get(0, self.stdin)
        self.stderr = streams.get(2, self.stderr)
        if 1 in streams:
            self.stdout, self.tty = streams[1], tty

    def replace(self, streams: dict[int, Any], tty: bool) -> None:
        """These are the shell's from here on, for those around it too."""
        runner: Any = self
        passing = {number for number, _, _ in self.behind}  # streams of <( … ), which go with the command
        runner._put(streams, tty)
        while runner.covers is not None and runner.around is not None:
            streams = {number: stream for number, stream in streams.items() if number not in runner.covers}
            runner = runner.around
            runner._put(streams, tty)
            passing |= {number for number, _, _ in runner.behind}
        if runner.known is not None:
            own = self.session.streams
            begun = {0: own.stdin, 1: own.stdout, 2: own.stderr}
            held = {number: stream for number, stream in runner.held().items() if number not in passing}
            opened = {number: stream for number, stream in held.items() if begun.get(number) is not stream}
            runner.known = own.opened = opened

    def lasts(self, table: Table, line: int) -> int:
        """`exec > FILE`: make the streams of a table the shell's, and close those that nobody has any more."""
        before = self.held()
        after = {0: table.stdin, 1: table.stdout, 2: table.stderr, **table.others}
        changed = {number: stream for number, stream in after.items() if before.get(number) is not stream}
        self.replace(changed, table.tty)
        closed(self, [number for number, stream in changed.items() if isinstance(stream, Closed)])  # type: ignore[arg-type]
        try:
            self._close(before[number] for number in changed if number in before)
        except OSError as error:
            return self.complain("exec", ShellError(str(error.strerror or error)), line)
        return 0

    def drop(self, numbers: list[int]) -> None:
        """Close streams of this shell, for those around it too."""
        before = self.held()
        self.replace(dict.fromkeys(numbers, Closed()), self.tty)
        closed(self, numbers)  # type: ignore[arg-type]
        self._close(before[number] for number in numbers if number in before)

    def close_covered(self) -> None:
        """The redirection ends: close what `exec` put into its place."""
        held = self.held()
        try:
            self._close((held[number] for number in self.covers or () if number in held), but=self)
        except OSError:
            return

    def close_own(self) -> None:
        """The shell ends: close what was opened in it, and what only it still had."""
        mine, self.others = self.held(), {}
        try:
            self._close(mine.values(), but=self)
        except OSError:
            return

    def _close(self, streams: Iterable[Any], but: object = None) -> None:
        """Close those that `exec` opened and no shell has."""
        lasting = {id(stream): stream for stream in streams if getattr(stream, "lasting", False)}
        if not lasting:
            return
        shells: list[Any] = [job.runner for job in self.session.jobs]
        runner: Any = self
        while runner is not None:
            shells.append(runner)
            runner = runner.around
        for shell in shells:
            for stream in shell.held().values() if shell is not but else ():
                lasting.pop(id(stream), None)
        for stream in lasting.values():
            stream.close()
