"""`a | b | c`: every stage is prepared before the first one runs (bash: execute_cmd.c, execute_pipeline).

At the prompt a stage that cannot be called refuses the whole pipeline, unless it sends its own errors elsewhere; that
one, and each in a script, fails alone, as in bash.

Known deviation: one stage works at any time, see pipes.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from memsh.shell import fingers
from memsh.shell.calls import Calls, Prepared
from memsh.shell.coprocess import without
from memsh.shell.errors import PIPE_STATUS, PipeClosed, ShellError
from memsh.shell.io import Capture
from memsh.shell.pipes import Pipe
from memsh.shell.syntax import Node, Simple

if TYPE_CHECKING:
    from memsh.shell.io import Input, Sink
    from memsh.shell.run import Runner
    from memsh.shell.syntax import Pipeline


class Refusal(NamedTuple):
    """A stage that cannot be called, and why."""

    error: ShellError
    node: Simple


Stage = Prepared | Refusal | Node


def tells_elsewhere(node: Pipeline, at: int) -> bool:
    """Whether what a stage says to standard error goes to the next one or to a file: then it may fail alone."""
    redirects = getattr(node.stages[at], "redirects", None) or ()
    return at in node.both or any(redirect.fd == 2 or redirect.op[:2] == "&>" for redirect in redirects)


class Pipelines(Calls):
    """The part of Runner that runs them."""

    inverted: Node | None = None  # what stands behind a `!`: its failure is an answer

    if TYPE_CHECKING:

        def beside(self, stdout: Sink, stdin: Input | None = None, captured: bool | None = None) -> Runner: ...
        def stands(self, node: Node) -> None: ...
        def debugged(self, node: Node) -> None: ...
        def subshell(self, work: Callable[[], int], traps: bool = True) -> int: ...

    def run_pipeline(self, node: Pipeline) -> int:
        """All simple stages are prepared before the first one runs; `!` before a single one prepares nothing itself."""
        stages: list[Stage] = []
        if len(node.stages) == 1 and node.host is None:
            only = node.stages[0]
            if not node.negate:
                return self.run(only)
            if "errexit" in self.language.options:  # a function that sets it is not spared
                return int(not self.tested(only))
            self.inverted = only
            return int(not self.run(only))
        try:
            if node.host is not None and not (self.may_pipe(node.host) or self.session.replaying):
                raise ShellError("|!: pipes to the host are for a person's own prompt only", 2)
            alone = [not self.language.strict or tells_elsewhere(node, at) for at in range(len(node.stages))]
            for at, stage in enumerate(node.stages):
                if not alone[at] and isinstance(stage, Simple) and stage.words and isinstance(stage.words[0], str):
                    self.look_up(stage.words[0], stage)
            if "DEBUG" in self.language.traps:
                for stage in node.stages:
                    if isinstance(stage, Simple):
                        self.debugged(stage)
            self.stands(node)
            for at, stage in enumerate(node.stages):
                stages.append(self._prepared(stage, alone[at]) if isinstance(stage, Simple) else stage)
        except ShellError as error:
            return self.complain("", fingers.in_pipeline(self.session.registry, node, error), node.line)
        statuses, word = [0] * len(stages), self.language.last_word
        self.language.tested += node.negate
        try:
            last = self._stages(stages, 0, self.stdin, node, statuses)
        finally:
            self.language.tested -= node.negate
        if node.host is not None:
            statuses.append(last)
        language = self.language
        language.statuses = tuple(statuses)
        if not language.shopts["lastpipe"] or node.host is not None:  # the stages are shells of their own
            language.last_word = word
        if "pipefail" in language.options:
            last = next((status for status in reversed(statuses) if status), 0)
        return int(not last) if node.negate else last

    def _prepared(self, stage: Simple, alone: bool) -> Prepared | Refusal:
        """A stage ready to be called. What its words change (`$((i++))`, `${x:=y}`) is its own shell's, and lost."""
        session, language = self.session, self.language
        self.stands(stage)
        if all(isinstance(word, str) for word in stage.words):
            return self._prepare(stage, alone)
        with session.apart(language=language.child()):
            session.language.level = language.level
            return self._prepare(stage, alone)

    def _prepare(self, stage: Simple, alone: bool) -> Prepared | Refusal:
        """The streams of its `<( … )` and `>( … )` are the stage's own, with its input and output."""
        waiting, self.behind = self.behind, []
        try:
            return self.prepare(stage)._replace(behind=self.behind)
        except ShellError as error:
            if not alone:
                raise
            return Refusal(error, stage)
        finally:
            for number, _, _ in self.behind:
                self.others.pop(number, None)
            self.behind = waiting

    def _stages(
        self, stages: list[Stage], first: int, stdin: Input, node: Pipeline, statuses: list[int]
    ) -> int:  # fmt: skip
        """Run the stages from `first` on; answers the last one's status and notes all of them."""
        if first == len(stages) - 1:
            if node.host is not None:
                return self._to_host(stages[first], stdin, node)
            runner = self.beside(self.stdout, stdin)
            runner.tty = self.tty
            own = not self.language.shopts["lastpipe"]
            runner = without(runner) if own else runner
            statuses[first] = self._stage(stages[first], runner, node.line, own)
            return statuses[first]
        pipe = Pipe(lambda source: self._stages(stages, first + 1, source, node, statuses), self.session, stdin)
        self.session.strands.fresh.append(pipe.begin)
        runner = without(self.beside(pipe, stdin))
        if first in node.both:
            runner.stderr = pipe
        try:
            statuses[first] = self._stage(stages[first], runner, node.line, True)
        except PipeClosed:
            statuses[first] = PIPE_STATUS
        except BaseException:
            pipe.abort()
            raise
        return pipe.finish()

    def _stage(self, stage: Stage, runner: Runner, line: int, own: bool) -> int:
        if isinstance(stage, Prepared) and stage.behind:
            runner.behind = stage.behind
            runner.others.update({number: stream for number, _, stream in stage.behind})

        def work() -> int:
            if isinstance(stage, Refusal):
                return runner.refuse(stage.error, stage.node)
            return runner.call(stage, line) if isinstance(stage, Prepared) else runner.run(stage)

        if isinstance(stage, Prepared) and stage.harmless:
            runner.forked = True
            status = work()
        else:
            status = runner.subshell(work) if own else work()
        self.refused = self.refused or runner.refused
        return status

    def may_pipe(self, host: str) -> bool:
        """Whether `|! HOST` stands in the very line that a person typed: no function, alias or view holds it."""
        inside = self.language.frames or self.language.source_depth
        return not inside and f"|!{host}" in re.sub(r"\|!\s*", "|!", self.session.typed_text)

    def _to_host(self, stage: Stage, stdin: Input, node: Pipeline) -> int:
        """`|! HOSTCOMMAND`: a program of the host reads the last stage's text."""
        import subprocess  # start-up: 2 ms, for a command of the host alone

        kept = Capture()
        self._stage(stage, self.beside(kept, stdin), node.line, True)
        if self.session.replaying:
            return 0
        self.session.doing.hosts.append(node.host or "")
        with self.session.host_wait():
            return subprocess.run(node.host or "true", shell=True, input=kept.text(), text=True, check=False).returncode
