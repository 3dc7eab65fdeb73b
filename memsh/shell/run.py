"""Runs what was parsed: names are looked up and arguments converted before anything happens, then each stage is called.

What the shell itself refuses (syntax, usage, unknown names) changes nothing. A kernel operation is never cut: Ctrl-C
sets a flag that is looked at between commands and wherever a command prints.
Known deviations: a job (`&`) and `( … )` are no processes of the box; a job shares the session's variables.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from memsh.shell import fingers, jobs
from memsh.shell.errors import (
    INTERRUPTED,
    PANICKED,
    Interrupted,
    Leave,
    LoopControl,
    NotFound,
    OutputGone,
    PipeClosed,
    ShellError,
    Unreasonable,
)
from memsh.shell.expand import Expander, Refused
from memsh.shell.io import IO, TOO_LONG, Capture, Input, Sink
from memsh.shell.pipes import Pipe
from memsh.shell.registry import Args, Command
from memsh.shell.session import FileSink, Session
from memsh.shell.syntax import (
    AndOr,
    Compound,
    For,
    Group,
    If,
    Node,
    Pipeline,
    Redirect,
    Series,
    Simple,
    While,
)

BUG_STATUS = 70
PIPE_STATUS = 141
HOST_WRITERS = frozenset({"save", "procdump", "record"})  # a replay writes nothing to the host


class Prepared(NamedTuple):
    """A simple command, expanded, found and with its arguments converted."""

    command: Command | None  # None: assignments only
    args: Args | None
    name: str
    assigns: list[tuple[str, str]]
    redirects: list[Redirect] | None
    status: int  # of the last $(…), for a line of assignments

    @property
    def hands_on(self) -> bool:
        """The redirections are for the command that this one runs: `explain echo 3 > FILE`."""
        return self.command is not None and self.command.hands_on and len(getattr(self.args, "words", ())) > 1


class Runner:
    """Runs nodes with one set of streams."""

    __slots__ = ("captured", "refused", "session", "stderr", "stdin", "stdout", "tty", "where")

    def __init__(
        self, session: Session, stdout: Sink, stderr: Sink, stdin: Input, *, captured: bool = False, tty: bool = False,
        where: str = "",
    ) -> None:  # fmt: skip
        self.session = session
        self.stdout = stdout
        self.stderr = stderr
        self.stdin = stdin
        self.captured = captured
        self.tty = tty
        self.where = where  # file of the script, for messages
        self.refused = False  # a command ended with a message

    def beside(self, stdout: Sink, stdin: Input | None = None, captured: bool | None = None) -> Runner:
        """The same surroundings with another output."""
        return Runner(
            self.session, stdout, self.stderr, self.stdin if stdin is None else stdin,
            captured=self.captured if captured is None else captured, where=self.where,
        )  # fmt: skip

    # nodes

    def run(self, node: Node) -> int:
        session = self.session
        session.poll()
        if session.deadline_check is not None:
            session.deadline_check()
        if session.running_job is not None:
            session.running_job.tick()
        kind = type(node)
        if kind is Simple:
            status = self.simple(node)  # type: ignore[arg-type]
        else:
            status = getattr(self, "run_" + kind.__name__.lower())(node)
        session.last_status = status
        return status

    def run_series(self, node: Series) -> int:
        status = 0
        for item, background in node.items:
            if background and not self.captured and self.session.box is not None:
                jobs.start(self.session, self.elsewhere(self.where), item, self.session.line)
                status = 0
            else:
                status = self.run(item)
        return status

    def run_typed(self, program: Node, text: str) -> int:
        """A line as typed. Each of its commands is followed by the hooks: the journal's, then what `display` shows."""
        if not isinstance(program, Series):
            return self._typed(program, False, text)
        status, items = 0, program.items
        for number, (item, background) in enumerate(items):
            end = items[number + 1][0].pos - program.pos if number + 1 < len(items) else len(text)
            own = text[item.pos - program.pos : end].rstrip()
            status = self._typed(item, background, own.removesuffix(";").rstrip())
        return status

    def _typed(self, node: Node, background: bool, text: str) -> int:
        session = self.session
        session.line, outer, session.ran = text, session.ran, set()
        session.typed_depth += 1
        if session.typed_depth == 1:
            session.refused_once = None
        for before in session.before_line:
            before(session, text)
        status, leaving = 1, False
        try:
            status = self.run_series(one_of(node)) if background else self.run(node)
        except (Interrupted, KeyboardInterrupt):
            session.was_interrupted, status = True, INTERRUPTED
            raise
        except OutputGone:  # the terminal has gone: the journal hears how far this came
            session.was_interrupted, status = True, -1
            raise
        except Leave as leave:
            status, leaving = leave.status, True
            raise
        finally:
            session.last_status = INTERRUPTED if status < 0 else status
            for after in session.after_line:
                after(session, text, session.last_status)
            for shown in session.after_command if status >= 0 and not leaving else ():
                shown(session, self)
            session.typed_depth -= 1
            if session.typed_depth:
                session.ran |= outer
        return status

    def run_andor(self, node: AndOr) -> int:
        status = self.run(node.first)
        for operator, following in node.others:
            if (operator == "&&") == (status == 0):
                status = self.run(following)
        return status

    def run_for(self, node: For) -> int:
        session, status = self.session, 0
        try:
            words = self._expander().words(node.words)
        except ShellError as error:
            return self.complain("for", error, node.line)
        session.loops += 1
        try:
            for done, word in enumerate(words):
                if session.loops == 1:
                    session.progress = (f"for {node.name}", done, len(words))
                session.variables[node.name] = word
                try:
                    status = self.run(node.body)
                except LoopControl as control:
                    if control.leaves():
                        break
        finally:
            session.loops -= 1
            if not session.loops:
                session.progress = None
        return status

    def run_while(self, node: While) -> int:
        session, status = self.session, 0
        session.loops += 1
        try:
            while True:
                try:
                    if (self.run(node.condition) == 0) is node.until:
                        return status
                    status = self.run(node.body)
                except LoopControl as control:
                    if control.leaves():
                        return status
        finally:
            session.loops -= 1

    def run_if(self, node: If) -> int:
        for condition, body in node.branches:
            if self.run(condition) == 0:
                return self.run(body)
        return self.run(node.otherwise) if node.otherwise is not None else 0

    def run_group(self, node: Group) -> int:
        session = self.session
        if not node.own:
            return self.run(node.body)
        variables, cwd = dict(session.variables), session.cwd
        try:
            return self.run(node.body)
        except Leave as leave:
            return leave.status
        finally:
            session.variables, session.cwd = variables, cwd

    def run_compound(self, node: Compound) -> int:
        return self.redirected(node.redirects, node.line, lambda runner: runner.run(node.inner))

    # pipelines

    def run_pipeline(self, node: Pipeline) -> int:
        """All simple stages are prepared before the first one runs."""
        stages: list[Prepared | Node] = []
        try:
            typed = self.session.at_prompt and not self.session.source_depth
            if node.host is not None and not (typed or self.session.replaying):
                raise ShellError("|!: pipes to the host are for a person's own prompt only", 2)
            for stage in node.stages:
                if isinstance(stage, Simple) and stage.words and isinstance(stage.words[0], str):
                    self.look_up(stage.words[0], stage)
            for stage in node.stages:
                stages.append(self.prepare(stage) if isinstance(stage, Simple) else stage)
        except ShellError as error:
            return self.complain("", fingers.in_pipeline(self.session.registry, node, error), node.line)
        status = self._stages(stages, 0, self.stdin, node)
        return int(not status) if node.negate else status

    def _stages(self, stages: list[Prepared | Node], first: int, stdin: Input, node: Pipeline) -> int:
        if first == len(stages) - 1:
            if node.host is not None:
                return self._to_host(stages[first], stdin, node)
            return self._stage(stages[first], self.beside_last(stdin), node.line)
        pipe = Pipe(lambda source: self._stages(stages, first + 1, source, node))
        try:
            self._stage(stages[first], self.beside(pipe, stdin), node.line)
        except PipeClosed:
            pass
        except BaseException:
            pipe.abort()
            raise
        return pipe.finish()

    def beside_last(self, stdin: Input) -> Runner:
        runner = self.beside(self.stdout, stdin)
        runner.tty = self.tty
        return runner

    def _stage(self, stage: Prepared | Node, runner: Runner, line: int) -> int:
        status = runner.call(stage, line) if isinstance(stage, Prepared) else runner.run(stage)
        self.refused = self.refused or runner.refused
        return status

    def _to_host(self, stage: Prepared | Node, stdin: Input, node: Pipeline) -> int:
        """`|! HOSTCOMMAND`: a program of the host reads the last stage's text."""
        import subprocess

        kept = Capture()
        self._stage(stage, self.beside(kept, stdin), node.line)
        if self.session.replaying:
            return 0
        with self.session.host_wait():
            return subprocess.run(node.host or "true", shell=True, input=kept.text(), text=True, check=False).returncode

    # simple commands

    def _expander(self) -> Expander:
        return Expander(self.session, self.substitute)

    def substitute(self, node: Node) -> tuple[str, int, bool]:
        """The text of a `$( … )`, its status, and whether a message said why it failed."""
        kept = Capture()
        runner = self.beside(kept, captured=True)
        variables, cwd = dict(self.session.variables), self.session.cwd
        try:
            status = runner.run(node)
        except Leave as leave:
            status = leave.status
        finally:
            self.session.variables, self.session.cwd = variables, cwd
        return kept.text(), status, runner.refused

    def look_up(self, name: str, stage: Simple | None = None) -> None:
        if not self.session.registry.knows(name):
            raise NotFound(fingers.unknown(self.session.registry, name, stage))

    def prepare(self, node: Simple) -> Prepared:
        """Expand, look up, convert. ShellError if the shell refuses."""
        words = node.words
        status, assigns = 0, []
        name = words[0] if words and isinstance(words[0], str) else ""
        try:
            if all(type(word) is str for word in words):
                expanded: list[str] = words  # type: ignore[assignment]
            else:
                expander = self._expander()
                expanded = expander.words(words)
                status = expander.status or 0
            if expanded:
                name = expanded[0]
                if not self.session.registry.knows(name):
                    raise NotFound(fingers.unknown(self.session.registry, name, node))
            for variable, word in node.assigns or ():
                expander = self._expander()
                text = expander.single(word)
                status = expander.status or status
                if not expander.status:
                    assigns.append((variable, text))
            if not expanded:
                return Prepared(None, None, "", assigns, node.redirects, status)
            found = self.session.registry.find(expanded)
            assert found is not None
            command, rest = found
            if command.help_option and len(rest) == 1 and rest[0] == "--help":
                helper = self.session.registry.commands.get("help")
                if helper is not None:
                    return Prepared(helper, helper.parse([command.name]), "help", assigns, node.redirects, status)
            if command.needs_box and self.session.box is None:
                raise ShellError("needs a kernel, and --proc has none: it reads a recorded /proc")
            args = command.parse(rest, self.session.bits)
            return Prepared(command, args, command.name, assigns, node.redirects, status)
        except NotFound:
            raise
        except ShellError as error:
            if not isinstance(error, Refused):
                error.message = f"{name or 'memsh'}: {error.message}"
            raise

    def simple(self, node: Simple) -> int:
        try:
            prepared = self.prepare(node)
        except ShellError as error:
            if TOO_LONG in error.message:
                self._once(node)
            told = [redirect for redirect in node.redirects or () if redirect.fd == 2]
            if told:
                refusal = error
                return self.redirected(told, node.line, lambda runner: runner.complain("", refusal, node.line))
            return self.complain("", error, node.line)
        return self.call(prepared, node.line)

    def _once(self, what: object) -> None:
        """What is unreasonable is refused once; asked for again in the next round of a loop, it ends the whole line."""
        session = self.session
        if session.loops and session.refused_once is what:
            raise Unreasonable("")
        session.refused_once = what

    def call(self, prepared: Prepared, line: int) -> int:
        """Call a prepared command with its redirections and print what it refuses."""
        if prepared.redirects and not prepared.hands_on:
            bare = prepared._replace(redirects=None)
            return self.redirected(prepared.redirects, line, lambda runner: runner.call(bare, line), prepared.name)
        session = self.session
        if prepared.command is None:
            for name, text in prepared.assigns:
                session.variables[name] = text
                session.origins[name] = session.line
            return prepared.status
        if prepared.assigns:
            return self._with_variables(prepared, line)
        if getattr(session.box, "panicked", "") and prepared.command.changes:
            return self.complain(prepared.name, ShellError(PANICKED), line)
        io = IO(session, self.stdout, self.stderr, self.stdin, self, prepared.name, prepared.redirects)
        session.ran.add(prepared.name)
        if session.replaying and prepared.name in HOST_WRITERS:
            return 0
        try:
            return self._perform(prepared, io, line)
        finally:
            if session.console is not None:
                session.console(io)

    def _perform(self, prepared: Prepared, io: IO, line: int) -> int:
        session = self.session
        assert prepared.command is not None
        try:
            status = int(prepared.command.func(session.box, prepared.args, io) or 0)  # type: ignore[arg-type]
            if prepared.command.changes and not status:
                session.ran.add("*")
            return status
        except Unreasonable as error:
            self._once(prepared.name)
            return self.complain(prepared.name, error, line)
        except ShellError as error:
            status = self.complain(prepared.name, error, line)
            self._tell_reason(prepared, error)
            return status
        except (PipeClosed, Interrupted, Leave, LoopControl, OutputGone, KeyboardInterrupt):
            raise
        except RecursionError:
            return self.complain(prepared.name, ShellError("nested too deeply"), line)
        except OSError as error:
            self.refused = True
            self.stderr.write(f"{prepared.name}: {error.strerror or error}\n")
            self._tell_reason(prepared, error)
            return 1
        except Exception as error:
            return self._bug(prepared.name, error)

    def _tell_reason(self, prepared: Prepared, error: Exception) -> None:
        """Below a refusal, where a person reads it: why."""
        session = self.session
        if session.reasons is not None and session.box is not None:
            told = session.reasons(session.box, prepared.name, prepared.args, error)
            self.stderr.write(f"  {told}\n" if told else "")

    def _with_variables(self, prepared: Prepared, line: int) -> int:
        """`name=value COMMAND`: set for this command only."""
        session = self.session
        before = dict(session.variables)
        session.variables.update(prepared.assigns)
        try:
            return self.call(prepared._replace(assigns=[]), line)
        finally:
            session.variables = before

    def _bug(self, name: str, error: Exception) -> int:
        """Something memsh did not foresee: say so, mark the box, check it. Tests see the exception itself."""
        if "PYTEST_CURRENT_TEST" in os.environ:
            raise error
        self.refused = True
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = ""
        if trace is not None:
            place = f" at {trace.tb_frame.f_code.co_filename.rpartition('memsh/')[2]}:{trace.tb_lineno}"
        self.stderr.write(f"{name}: this is a bug in memsh: {type(error).__name__}: {error}{place}\n")
        if self.session.on_bug is not None:
            try:
                said = self.session.on_bug(self.session, name)
            except Exception as worse:  # the check itself may meet the same damage
                said = f"check could not run: {type(worse).__name__}"
            self.stderr.write(f"{name}: the box may be damaged: {said}; `undo` or `reset` gives a sound one\n")
        return BUG_STATUS

    def complain(self, name: str, error: ShellError, line: int = 0) -> int:
        """Print a refusal; in a script with the place where it stands."""
        self.refused = True
        if error.message:
            place = f"{self.where}:{line}: " if self.where and line and error.status != 1 else ""
            self.stderr.write(f"{place}{name}: {error.message}\n" if name else f"{place}{error.message}\n")
        return error.status

    def run_script(self, text: str, where: str) -> int:
        """The lines of another script with these streams (source)."""
        from memsh.shell.lines import run_lines

        return run_lines(self.elsewhere(where), text)

    def elsewhere(self, where: str) -> Runner:
        return Runner(
            self.session, self.stdout, self.stderr, self.stdin, captured=self.captured, tty=self.tty, where=where
        )  # fmt: skip

    # redirections

    def redirected(self, redirects: list[Redirect], line: int, work: object, name: str = "") -> int:
        """Open the files, let `work` run with them, close them: closing is where /proc may refuse what was written."""
        stdout, stderr, stdin, tty = self.stdout, self.stderr, self.stdin, self.tty
        opened: list[FileSink] = []
        files = self.session.files
        try:
            for redirect in redirects:
                target = self._expander().single(redirect.target)
                if redirect.op == ">&":
                    if redirect.fd not in (1, 2) or target not in ("1", "2"):
                        raise ShellError(f">&{target}: only 1>&2 and 2>&1 are known here", 2)
                    if redirect.fd == 1 and target == "2":
                        stdout, tty = stderr, False
                    elif redirect.fd == 2 and target == "1":
                        stderr = stdout
                    continue
                if files is None or redirect.fd not in (0, 1, 2):
                    raise ShellError(f"{redirect.fd}{redirect.op}: only the streams 0, 1 and 2 are known here", 2)
                try:
                    if redirect.op == "<":
                        stdin = files.open_read(self.session, target)
                        continue
                    sink = files.open_write(self.session, target, redirect.op == ">>")
                except OSError as error:
                    raise ShellError(f"{target}: {error.strerror or error}") from None
                opened.append(sink)
                if target != "/dev/null":
                    self.session.ran.add("*")
                if redirect.fd == 2:
                    stderr = sink
                else:
                    stdout, tty = sink, False
        except ShellError as error:
            return self.complain("memsh", error, line)
        runner = Runner(
            self.session, stdout, stderr, stdin,
            captured=self.captured and stdout is self.stdout, tty=tty, where=self.where,
        )  # fmt: skip
        try:
            status: int = work(runner)  # type: ignore[operator]
        finally:
            self.refused = self.refused or runner.refused
            failure: OSError | None = None
            for sink in opened:
                try:
                    sink.close()
                except OSError as error:
                    failure = error
        if failure is not None:
            self.refused = True
            self.stderr.write(f"{name or 'memsh'}: {failure.strerror or failure}\n")
            return 1
        return status


def one_of(item: Node) -> Series:
    """One background command of a series, on its own."""
    return Series([(item, True)])
