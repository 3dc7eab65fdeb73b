"""Runs what was parsed: names are looked up and arguments converted before anything happens, then each stage is called.

What the shell itself refuses (syntax, usage, unknown names) changes nothing. A kernel operation is never cut: Ctrl-C
sets a flag that is looked at between commands and wherever a command prints. (bash: execute_cmd.c)
Known deviations: a job (`&`) and `( … )` are no processes of the box.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from memsh.lazy import regular
from memsh.shell import jobs
from memsh.shell.calls import Calls
from memsh.shell.conditions import holds
from memsh.shell.coprocess import run_coproc, without
from memsh.shell.errors import (
    INTERRUPTED,
    Discarded,
    Dropped,
    ErrExit,
    Fatal,
    Interrupted,
    Killed,
    Leave,
    LoopControl,
    OutputGone,
    Return,
    ShellError,
    Unreasonable,
)
from memsh.shell.expand import Expander
from memsh.shell.io import IO, Input, Sink
from memsh.shell.lasting import NOTHING, STANDARD, Lasting
from memsh.shell.limits import NAMES
from memsh.shell.lines import evaluated, run_lines
from memsh.shell.patterns import matches
from memsh.shell.pipelines import Pipelines
from memsh.shell.programs import SPECIAL
from memsh.shell.selecting import run_select
from memsh.shell.substitutions import Substitutions
from memsh.shell.syntax import (
    AndOr,
    AnyWord,
    Case,
    CFor,
    Compound,
    Cond,
    Coproc,
    For,
    Function,
    Group,
    If,
    Node,
    Pipeline,
    Redirect,
    Select,
    Series,
    Simple,
    Sum,
    Timed,
    While,
)
from memsh.shell.timing import POSIX, SHOWN, now, told
from memsh.shell.told import nested, within
from memsh.shell.traps import Traps

if TYPE_CHECKING:
    from memsh.shell.language import Language
    from memsh.shell.redirects import Table
    from memsh.shell.session import Session

_NAMELIKE = regular(r"[^$`\"'\\]+\Z")  # a function's name: nothing in it is quoted or expanded
_DEBUGGED = frozenset([Simple, Sum, Cond, Case])  # before which `trap … DEBUG` runs; loops do so in each round
_SINGLE = frozenset([Simple, Sum, Cond])  # after which $PIPESTATUS is theirs
_CHECKED = frozenset([Simple, Pipeline, Group, Sum, Cond, Compound])  # whose status `set -e` looks at


class Runner(Substitutions, Lasting, Pipelines, Traps, Calls):
    """Runs nodes with one set of streams."""

    def __init__(
        self, session: Session, stdout: Sink, stderr: Sink, stdin: Input, *, captured: bool = False, tty: bool = False,
        where: str = "", others: dict[int, Any] | None = None, around: Runner | None = None,
    ) -> None:  # fmt: skip
        self.session = session
        self.stdout = stdout
        self.stderr = stderr
        self.stdin = stdin
        self.others: dict[int, Any] = {} if others is None else others  # the streams above 2
        self.captured = captured
        self.tty = tty
        self.where = where  # file of the script, for messages
        self.around = around  # what it works within; None: the session's own
        self.refused = False  # a command ended with a message
        self.behind: list[tuple[int, Node | None, Any]] = []  # streams of `<( … )` and `>( … )` till the command ends

    @classmethod
    def of_session(cls, session: Session, where: str = "") -> Runner:
        """With the session's own streams, those that `exec` opened among them."""
        streams = session.streams
        runner = cls(session, streams.stdout, streams.stderr, streams.stdin, where=where)
        runner.take_session_streams()
        return runner

    if TYPE_CHECKING:

        @property
        def language(self) -> Language: ...

    else:
        language = property(attrgetter("session.language"))  # read many times a line: without a call into Python

    def beside(self, stdout: Sink, stdin: Input | None = None, captured: bool | None = None) -> Runner:
        """The same surroundings with another output."""
        return Runner(
            self.session, stdout, self.stderr, self.stdin if stdin is None else stdin,
            captured=self.captured if captured is None else captured, where=self.where, others=dict(self.others),
            around=self,
        )  # fmt: skip

    def apart(self) -> Runner:
        """For another shell with the same streams: what `exec` does to them there stays there."""
        runner = without(self.beside(self.stdout))
        runner.tty = self.tty
        return runner

    def sourcing(self, where: str) -> Runner:
        """For the lines of another text in this shell."""
        runner = Runner(
            self.session, self.stdout, self.stderr, self.stdin, captured=self.captured, tty=self.tty, where=where,
            others=self.others, around=self,
        )  # fmt: skip
        runner.covers = NOTHING
        return runner

    def with_streams(self, table: Table) -> Runner:
        """The same surroundings with the streams that redirections have opened."""
        runner = Runner(
            self.session, table.stdout, table.stderr, table.stdin,
            captured=self.captured and table.stdout is self.stdout, tty=table.tty, where=self.where,
            others=table.others, around=self,
        )  # fmt: skip
        runner.covers = table.redirected
        return runner

    # nodes

    def run(self, node: Node) -> int:
        session = self.session
        session.poll()
        if session.hooks.deadline_check is not None:
            session.hooks.deadline_check()
        if session.running_job is not None:
            session.running_job.tick()
        kind = type(node)
        if kind is Simple and node.words and node.words[0] in session.registry.for_lines:  # type: ignore[attr-defined]
            return self.stand_for_line(node)
        traps = session.language.traps
        if traps and kind in _DEBUGGED and "DEBUG" in traps and not self.travels(node):
            self.debugged(node)
        status = _RUN[kind](self, node)
        language = session.language
        language.last_status = status
        if kind in _SINGLE:
            language.statuses = (status,)
        if session.signals or session.killed:
            self.deliver()
        if status and kind in _CHECKED and ("errexit" in language.options or language.traps):
            self._failed(node, status)
        return status

    def stand_for_line(self, node: Node) -> int:
        """`stopped`, `heard` and the like: traps, `set -e` and PIPESTATUS are the line's that they run."""
        self.language.last_status = status = _RUN[Simple](self, node)
        return status

    def travels(self, node: Node) -> bool:
        """`undo` and its kin: no trap works before or behind them, in a time that is left or come to."""
        return type(node) is Simple and bool(node.words) and node.words[0] in self.session.registry.alone

    def _failed(self, node: Node, status: int) -> None:
        """`set -e` and `trap … ERR`, where nobody looks at the status."""
        language = self.language
        if language.tested or node is self.inverted or (isinstance(node, Pipeline) and node.negate):
            return
        if isinstance(node, Group) and not node.own:
            return
        if isinstance(node, Compound) and not _own(node.inner) and not self.unopened:
            return
        if language.traps.get("ERR") and not self.travels(node):
            self.trap("ERR")
            language.last_status = status
        if "errexit" in language.options:
            raise ErrExit(status)

    def tested(self, node: Node) -> int:
        """Run what is a condition: a failure is an answer."""
        self.language.tested += 1
        try:
            return self.run(node)
        finally:
            self.language.tested -= 1  # `! undo` brings another language, which has taken the count over

    def run_series(self, node: Series) -> int:
        status = 0
        for item, background in node.items:
            if "noexec" in self.language.options and not self.language.strict:
                break
            if background and self.session.box is not None:
                job = jobs.start(self.session, self.apart(), unnegated(item), item.shown())
                self.language.background = str(job.pid)
                status = 0
            else:
                status = self.run(unnegated(item) if background else item)
        return status

    def run_typed(self, program: Node, text: str) -> int:
        """A line as typed. Each of its commands is followed by the hooks: the journal's, then what `display` shows."""
        if self.session.running_job is not None:  # it is one line of the journal as a whole, wherever it sleeps
            with within(self.session):
                return self.run(program)
        if not isinstance(program, Series):
            return self._typed(program, False, text)
        if program.whole:
            with within(self.session) if len(program.items) > 1 else nullcontext():
                return self._typed(program, False, text)
        status, items = 0, program.items
        for number, (item, background) in enumerate(items):
            if "noexec" in self.language.options and not self.language.strict:
                break
            end = items[number + 1][0].pos - program.pos if number + 1 < len(items) else len(text)
            own = text[item.pos - program.pos : end].rstrip()
            status = self._typed(item, background, own.removesuffix(";").rstrip())
        return status

    def _typed(self, node: Node, background: bool, text: str) -> int:
        session = self.session
        self.renew()
        doing, hooks = session.doing, session.hooks
        doing.line, outer, doing.ran = text, doing.ran, set()
        doing.typed_depth += 1
        if doing.typed_depth == 1:
            doing.refused_once, doing.memory = None, 0
            session.spare.save()
        for before in hooks.before_line:
            before(session, text)
        status, leaving = 1, False
        try:
            status = self.run_series(Series([(node, True)])) if background else self.run(node)
        except (Interrupted, KeyboardInterrupt):
            session.was_interrupted, status = True, INTERRUPTED
            raise
        except OutputGone:  # the terminal has gone: the journal hears how far this came
            session.was_interrupted, status = True, -1
            raise
        except Leave as leave:
            status, leaving = leave.status, True
            raise
        except MemoryError:  # the journal, too, needs some: a kernel operation may have been cut there
            session.spare.spend()
            session.was_interrupted, leaving = True, True
            raise
        finally:
            session.language.last_status = told = INTERRUPTED if status < 0 else status
            try:
                hooks = session.hooks
                for after in hooks.after_line:
                    after(session, text, told)
                if hooks.after_command and status >= 0 and not leaving:
                    self._shown_after()
            finally:
                doing.typed_depth -= 1
                if doing.typed_depth:
                    doing.ran |= outer
        return status

    def _shown_after(self) -> None:
        """What `display` shows. Its looks for Ctrl-C count for nothing: where the line runs again, nothing is shown."""
        session = self.session
        polls, stops, session.stops = session.polls, session.stops, {}
        try:
            for shown in session.hooks.after_command:
                shown(session, self)
        finally:
            session.polls, session.stops = polls, stops
            session.cut_at = min(session.cut_at, polls + 1)

    def run_andor(self, node: AndOr) -> int:
        others = node.others
        status = self.tested(node.first)
        for number, (operator, following) in enumerate(others):
            if (operator == "&&") == (status == 0):
                status = self.run(following) if number == len(others) - 1 else self.tested(following)
        return status

    # loops

    def round(self, body: Node, status: int) -> tuple[int, bool]:
        """One round of a loop: its status, and whether the loop ends."""
        try:
            return self.run(body), False
        except LoopControl as control:
            return control.status, control.leaves()

    def run_for(self, node: For) -> int:
        session, language, status = self.session, self.language, 0
        self.stands(node)
        if not node.name.isidentifier():
            return self.complain("for", ShellError(f"`{node.name}': not a valid identifier"), node.line)
        if node.words is None:
            words = list(language.positional or ())
        else:
            try:
                words = self.expander().words(node.words)
            except ShellError as error:
                return self.complain("for", error, node.line)
        language.loops += 1
        try:
            for done, word in enumerate(words):
                if language.loops == 1:
                    session.progress = (f"for {node.name}", done, len(words))
                if "DEBUG" in language.traps:
                    self.debugged(node)
                if "xtrace" in language.options:
                    self.trace(node.shown())
                try:
                    if self.language.has(node.name, "n"):  # a loop over what a reference means
                        if not word.isidentifier():
                            raise ShellError(f"`{word}': not a valid identifier")
                        self.language.variables[node.name] = word
                    else:
                        self.language.set(node.name, word)
                except ShellError as error:
                    return self.complain("for", softened(error), node.line)
                status, ends = self.round(node.body, status)
                if ends:
                    break
        finally:
            self.language.loops -= 1
            if not self.language.loops:
                session.progress = None
        return status

    def run_cfor(self, node: CFor) -> int:
        language, status = self.language, 0
        self.stands(node)
        expander = self.expander()
        language.loops += 1
        try:
            count = self._traced_sum if "xtrace" in language.options or "DEBUG" in language.traps else expander.sum

            def total(word: AnyWord) -> int | None:
                """None: it was refused, and that told, which ends the loop and no more."""
                try:
                    return count(word)
                except ShellError as error:
                    self.complain("((", softened(error), node.line)
                    return None

            test, after, poll = node.test or "1", node.after, self.session.poll
            going = total(node.first)
            while going is not None:
                going = total(test)
                if not going:
                    break
                poll()
                status, ends = self.round(node.body, status)
                if ends:
                    break
                self.stands(node)
                going = total(after)
        finally:
            self.language.loops -= 1
        return 1 if going is None else status

    def _traced_sum(self, word: AnyWord) -> int:
        """One of the three expressions of a `for (( … ))`, where `set -x` or a trap wants to know of it."""
        expander = self.expander()
        if "DEBUG" in self.language.traps and "DEBUG" not in self.language.trapping:
            self.language.command = f"(({expander.single(word).lstrip()}))"
            self.trap("DEBUG")
        if "xtrace" in self.language.options:
            self.trace(f"(( {expander.single(word).strip()} ))")
        return expander.sum(word)

    def run_while(self, node: While) -> int:
        language, status = self.language, 0
        language.loops += 1
        try:
            while True:
                try:
                    if (self.tested(node.condition) == 0) is node.until:
                        return status
                except LoopControl as control:
                    if control.leaves():
                        return control.status
                    continue
                status, ends = self.round(node.body, status)
                if ends:
                    return status
        finally:
            self.language.loops -= 1

    # choices

    def run_if(self, node: If) -> int:
        for condition, body in node.branches:
            if self.tested(condition) == 0:
                return self.run(body)
        return self.run(node.otherwise) if node.otherwise is not None else 0

    def run_case(self, node: Case) -> int:
        self.stands(node)
        try:
            expander = self.expander()
            text = expander.single(node.word)
            if "xtrace" in self.language.options:
                self.trace(node.shown())
            status, falls = 0, False
            for patterns, body, ending in node.items:
                ignore = self.language.shopts["nocasematch"]
                if not falls and not any(matches(text, expander.pattern(one), ignore) for one in patterns):
                    continue
                status = self.run(body) if body is not None else 0
                if ending == ";;":
                    return status
                falls = ending == ";&"
            return status
        except ShellError as error:
            return self.complain("case", error, node.line)

    def run_sum(self, node: Sum) -> int:
        self.stands(node)
        if "xtrace" in self.language.options:
            self.trace(f"(( {self.expander().single(node.word)} ))")
        try:
            return int(not self.expander().sum(node.word))
        except ShellError as error:
            return self.complain("((", softened(error), node.line)

    def run_cond(self, node: Cond) -> int:
        self.stands(node)
        try:
            return int(not holds(node.tree, self))
        except (Fatal, Dropped) as error:
            return self.complain("[[", error, node.line)
        except ShellError as error:
            return self.complain("[[", ShellError(error.message, error.status), node.line)

    def run_function(self, node: Function) -> int:
        language = self.language
        if self.session.no_host and self.session.registry.knows(node.name):
            return self.complain("", ShellError(f"{node.name}: a command, which nothing replaces here"), node.line)
        if language.has(node.name, "F"):
            return self.complain("", ShellError(f"{node.name}: readonly function"), node.line)
        if len(language.functions) >= NAMES and node.name not in language.functions:
            raise Unreasonable(f"{node.name}: {NAMES} functions are as many as memsh keeps")
        if not _NAMELIKE.match(node.name):
            return self.complain("", ShellError(f"`{node.name}': not a valid identifier"), node.line)
        if "posix" in language.options and node.name in SPECIAL:
            said = self.complain("", ShellError(f"`{node.name}': is a special builtin", 2), node.line)
            raise Leave(said)
        node.file = language.file()
        language.functions[node.name] = node
        language.changes += 1
        return 0

    def run_timed(self, node: Timed) -> int:
        """`time`: what it says goes to the shell's own stream of errors."""
        before = now(self.session)
        try:
            return self.run(node.body)
        finally:
            layout = POSIX if node.posix else self.language.get("TIMEFORMAT")
            self.say(told(SHOWN if layout is None else layout, before, now(self.session)))

    # groups

    def run_group(self, node: Group) -> int:
        if not node.own:
            return self.run(node.body)
        runner = self.apart()
        status = runner.subshell(lambda: runner.alone(node))
        self.refused = self.refused or runner.refused
        self.language.statuses = (status,)
        return status

    def alone(self, node: Group) -> int:
        """The inside of a `( … )`, which knows the jobs of no other shell. As a whole job it is that job's shell."""
        self.language.family, job = self.session.new_family(), self.session.running_job
        if job is not None and job.node is node:
            self.language.own_pid = job.pid
        return self.run(node.body)

    def subshell(self, work: Callable[[], int], traps: bool = True) -> int:
        """Run with a language of its own. `exit` ends no more than this."""
        session = self.session
        with session.apart(language=session.language.child()):
            try:
                status = self._contained(work)
            except Killed:
                self.close_own()
                raise
            if traps and session.language.traps.get("EXIT"):
                session.language.last_status = status
                status = self.at_exit(status)
        self.close_own()
        return status

    def _contained(self, work: Callable[[], int]) -> int:
        try:
            return work()
        except Killed:
            raise
        except (Leave, Return) as leave:
            return leave.status
        except LoopControl as control:
            return control.status
        except Dropped as error:
            return self.dropped(error)

    def run_compound(self, node: Compound) -> int:
        self.unopened = False
        inner = node.inner
        return self.redirected(node.redirects, node.line, lambda runner: runner.run(inner), apart=_own(inner))

    # substitutions

    def expander(self) -> Expander:
        return Expander(self)

    def run_text(self, text: str, first: int = 1) -> int:
        """The commands of a text, in this shell (eval, traps): a syntax error runs nothing of its line."""
        return evaluated(self, text, first)

    def run_script(self, text: str, where: str, first: int = 1) -> int:
        """The lines of another script with these streams (source); they are those from `first` on."""
        return run_lines(self.sourcing(where), text, first)

    def run_words(self, io: IO, words: list[str], stdin: Input | None, sink: Sink | None) -> int:
        """Run one command given as words in the surroundings of the command that asks (sudo, xargs, watch, strace)."""
        node = Simple(0, 0)
        node.words = list(words)
        node.redirects = io.redirects
        runner = Runner(
            io.session, io.sink if sink is None else sink, io.stderr, io.stdin if stdin is None else stdin,
            captured=io.captured, tty=io.is_tty and sink is None, others=self.others, around=self,
        )  # fmt: skip
        runner.covers = NOTHING if sink is None and stdin is None else STANDARD
        self.language.tested += 1  # its status is the asking command's to judge
        try:
            with within(self.session) if io.name != "sudo" else nullcontext():
                status = runner.run(node)
        finally:
            self.language.tested -= 1  # as in tested(): `sudo undo`
        self.refused = self.refused or runner.refused
        return status


def unnegated(node: Node) -> Node:
    """A job's `!` is for the shell that starts it, which does not wait."""
    if not isinstance(node, Pipeline) or not node.negate:
        return node
    plain = Pipeline(node.stages, False, node.host, node.both)
    plain.at(node.line, node.pos)
    return plain


def softened(error: ShellError) -> ShellError:
    """What was wrong in a `(( … ))` or a `for`, which drops no more than that command."""
    return error if isinstance(error, (Discarded, Fatal)) else ShellError(error.message)


def _own(node: Node) -> bool:
    return isinstance(node, Group) and node.own


_RUN: dict[type, Callable[[Any, Any], int]] = {
    Simple: Runner.simple, Series: Runner.run_series, AndOr: nested(Runner.run_andor), For: nested(Runner.run_for),
    CFor: nested(Runner.run_cfor), While: nested(Runner.run_while), If: nested(Runner.run_if),
    Select: nested(run_select), Coproc: nested(run_coproc), Case: nested(Runner.run_case), Sum: Runner.run_sum,
    Cond: Runner.run_cond, Function: Runner.run_function, Timed: nested(Runner.run_timed),
    Group: nested(Runner.run_group), Compound: nested(Runner.run_compound), Pipeline: Runner.run_pipeline,
}  # fmt: skip


__all__ = ["Redirect", "Runner"]
