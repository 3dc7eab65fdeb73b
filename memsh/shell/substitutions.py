"""`$( … )`, `$(< FILE)`, `<( … )` and `>( … )` (bash: subst.c, command_substitute and process_substitute).

Known deviations: `<( … )` has run to its end before the command begins, and `>( … )` begins when the command has ended.
`$LINENO` inside counts the lines as they were written, where bash counts those of the text that it prints anew.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memsh.shell.errors import ShellError
from memsh.shell.io import Capture, Input, Sink, TextInput
from memsh.shell.pipes import Gathered
from memsh.shell.syntax import Node, Redirect, Simple
from memsh.shell.told import within

if TYPE_CHECKING:
    from memsh.shell.language import Language
    from memsh.shell.run import Runner
    from memsh.shell.session import Session


class Substitutions:
    """The part of Runner that runs them."""

    session: Session
    stdout: Sink
    others: dict[int, Any]
    behind: list[tuple[int, Node | None, Any]]

    if TYPE_CHECKING:

        @property
        def language(self) -> Language: ...
        def beside(self, stdout: Sink, stdin: Input | None = None, captured: bool | None = None) -> Runner: ...

    def substitute(self, node: Node) -> tuple[str, int, bool]:
        """The text of a `$( … )`, its status, and whether a message said why it failed."""
        kept = Capture()
        status, refused = self._substituted(node, kept)
        return kept.text(), status, refused

    def _substituted(self, node: Node, kept: Sink) -> tuple[int, bool]:
        runner = self.beside(kept, captured=True)
        if isinstance(node, Simple) and not node.words and not node.assigns and node.redirects:
            if len(node.redirects) == 1 and node.redirects[0].op == "<":  # $(< FILE)
                return self._whole_file(runner, node.redirects, node.line, kept)
        outer = self.language
        inner: list[Language] = []

        def work() -> int:
            if not outer.shopts["inherit_errexit"] and "posix" not in outer.options:
                self.language.options.discard("errexit")
            self.language.depth += 1
            inner.append(self.language)
            with within(self.session):
                return runner.run(node)

        try:
            status = runner.subshell(work)
        finally:
            for job in self.session.jobs:
                if job.home in inner:
                    job.family = self.session.new_family()  # the shell around has not started it
        self._let_end(kept)
        return status, runner.refused

    def _let_end(self, kept: Sink) -> None:
        """It ends when all that could write into it have ended, jobs among them."""
        session = self.session
        if any(job.holds(kept) for job in session.jobs):
            why = ShellError("a job in $( ) waits for what nobody is left to do: this would wait for ever")
            session.strands.wait(lambda: not any(job.holds(kept) for job in session.jobs), stuck=why)

    def _whole_file(self, runner: Runner, redirects: list[Redirect], line: int, kept: Sink) -> tuple[int, bool]:
        """`$(< FILE)`."""

        def read(inner: Runner) -> int:
            try:
                kept.write(inner.stdin.read())
            except OSError as error:
                return inner.uncaught("", error)
            return 0

        status = runner.redirected(redirects, line, read)
        return status, runner.refused

    def process_stream(self, sign: str, node: Node) -> str:
        """`<( … )`: its text behind a name in /dev/fd. `>( … )` reads when the command has ended."""
        number = 63
        while number in self.others:
            number -= 1
        stream = self._written(node) if sign == "<" else Capture()
        self.others[number] = stream
        self.behind.append((number, node if sign == ">" else None, stream))
        return f"/dev/fd/{number}"

    def _written(self, node: Node) -> Input:
        gathered = Gathered(self.session)
        self._substituted(node, gathered)
        gathered.end()
        return gathered.whole()

    def settle_streams(self) -> None:
        """Let those behind `>( … )` read what was written."""
        waiting, self.behind = self.behind, []
        for number, node, kept in waiting:
            self.others.pop(number, None)
            if node is None:
                continue
            runner = self.beside(self.stdout, TextInput(kept.text()))
            runner.subshell(lambda runner=runner, node=node: runner.run(node))  # type: ignore[misc]
