"""Simple commands: expanded, looked up, arguments converted, called with their redirections (bash: execute_cmd.c)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from memsh.digits import is_digits
from memsh.shell import fingers, programs
from memsh.shell.errors import (
    NO_KERNEL,
    NOT_FOUND,
    PANICKED,
    BadSubscript,
    Dropped,
    Fatal,
    Interrupted,
    Leave,
    LoopControl,
    NotFound,
    OutputGone,
    PipeClosed,
    Return,
    ShellError,
    Unreasonable,
)
from memsh.shell.expand import Refused
from memsh.shell.frames import Called
from memsh.shell.io import IO, Capture
from memsh.shell.language import Readonly
from memsh.shell.limits import FUNCTIONS, TOO_LONG, make_room
from memsh.shell.redirecting import UNWATCHED, Redirecting
from memsh.shell.refusals import Refusals
from memsh.shell.registry import Args, Command
from memsh.shell.syntax import Assign, Function, Redirect, Simple
from memsh.shell.told import run_outside
from memsh.shell.tracing import assigned, prefix, traced

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.shell.expand import Expander
    from memsh.shell.io import Input, Sink
    from memsh.shell.language import Language
    from memsh.shell.session import Session
    from memsh.shell.syntax import Node

TOO_LONG_A_NUMBER = "integer string conversion"  # Python's word for what int() does not read
_EXECUTING = frozenset(["exec", "command", "builtin"])
_UNHASHED = ("", 0)
MEMORY = frozenset(["user memory", "kernel memory", "processes"])


def _call(command: Command, box: Box, args: Args | None, io: IO) -> int:
    watch = io.session.hooks.watch
    if watch is None:
        return int(command.func(box, args, io) or 0)  # type: ignore[arg-type]
    with watch:
        return int(command.func(box, args, io) or 0)  # type: ignore[arg-type]


def _look(command: Command, box: Box, args: Args | None, io: IO) -> int:
    """One that only looks at the box: nothing is written while Ctrl-C may end it anywhere."""
    said = Capture()
    sink, io.sink = io.sink, said
    try:
        with io.session.looking():
            return _call(command, box, args, io)
    finally:
        io.sink = sink
        if said.parts:
            sink.write(said.text())


def _only_exec(words: list[str]) -> bool:
    """`exec` without a command to run: its redirections are the shell's."""
    if not words or words[0] not in _EXECUTING:
        return False
    at = 0
    while words[at : at + 1] in (["command"], ["builtin"]):
        at += 1
    return words[at : at + 1] == ["exec"] and words[at + 1 :] in ([], ["--"])


class Prepared(NamedTuple):
    """A simple command, expanded, found and with its arguments converted."""

    command: Command | None  # None: assignments only, or a function
    args: Args | None
    name: str
    assigns: list[Assign] | None
    redirects: list[Redirect] | None
    node: Simple
    function: Function | None = None
    words: list[str] = []  # noqa: RUF012 - never changed
    arrays: dict[int, Assign] | None = None  # `name=( … )` among the words of declare and its kin
    status: int = 0  # of the last $( … ), where the words became nothing
    behind: list[tuple[int, Node | None, Any]] = []  # noqa: RUF012 - streams of a stage's `<( … )` and `>( … )`

    @property
    def hands_on(self) -> bool:
        """The redirections are for the command that this one runs: `explain echo 3 > FILE`."""
        return self.command is not None and self.command.hands_on and len(getattr(self.args, "words", ())) > 1

    @property
    def harmless(self) -> bool:
        """It leaves the language's state as it is: no shell of its own is needed for it."""
        return self.command is not None and not self.command.shell and not self.assigns


class Calls(Redirecting, Refusals):
    """The part of Runner that is about simple commands."""

    session: Session
    stdout: Sink
    stderr: Sink
    stdin: Input
    others: dict[int, Any]
    captured: bool
    tty: bool
    where: str
    refused: bool
    behind: list[tuple[int, Node | None, Any]]
    forked = False  # a stage of a pipe, in a shell that shares this one's language

    if TYPE_CHECKING:

        @property
        def language(self) -> Language: ...
        def expander(self) -> Expander: ...
        def run(self, node: Node) -> int: ...
        def tested(self, node: Node) -> int: ...
        def run_text(self, text: str) -> int: ...
        def trap(self, signal: str) -> None: ...
        def returned(self, run: Callable[[Node], int], what: Node) -> int: ...

    def look_up(self, name: str, stage: Simple | None = None) -> None:
        language = self.language
        if self.session.registry.knows(name) or name in language.functions or name in language.aliases:
            return
        if not programs.places(self.session, language, name, self._path_before(stage) if stage is not None else None):
            raise NotFound(fingers.unknown(self.session.registry, name, stage))

    # preparing

    def prepare(self, node: Simple) -> Prepared:
        """Expand, look up, convert. ShellError if the shell refuses."""
        words: list[Any] = node.words
        name = words[0] if words and isinstance(words[0], str) else ""
        try:
            arrays: dict[int, Assign] | None = None
            status = 0
            expanded: list[str] = words
            if not node.plain:
                for word in words:
                    if type(word) is not str:
                        expanded, arrays, status = self._expanded(words)
                        break
            if not expanded:
                return Prepared(None, None, "", node.assigns, node.redirects, node, status=status)
            name = expanded[0]
            language = self.language
            if language.functions and name in language.functions and not self._before_functions(name):
                return Prepared(None, None, name, node.assigns, node.redirects, node, language.functions[name],
                                expanded)  # fmt: skip
            try:
                return self.found(expanded, node, arrays)
            except ShellError as error:
                error.expanded = True
                raise
        except NotFound:
            raise
        except ShellError as error:
            if not isinstance(error, (Refused, Fatal, Dropped)):
                error.message = f"{name or 'memsh'}: {error.message}"
            raise

    def _expanded(self, words: list[Any]) -> tuple[list[str], dict[int, Assign] | None, int]:
        expander = self.expander()
        arrays: dict[int, Assign] | None = None
        if not any(isinstance(word, Assign) for word in words):
            expanded = expander.words(words)
        else:
            expanded, arrays = [], {}
            for word in words:
                if not isinstance(word, Assign):
                    expanded += expander.words([word])
                elif word.items is not None:
                    arrays[len(expanded)] = word
                    expanded.append(f"{word.name}{'+' if word.adds else ''}=()")
                else:
                    index = "" if word.index is None else f"[{expander.single(word.index)}]"
                    expanded.append(f"{word.name}{index}{'+' if word.adds else ''}={expander.single(word.value)}")
        if expander.status is not None:
            self.language.last_status = expander.status
        return expanded, arrays, expander.status or 0

    def found(
        self, words: list[str], node: Simple, arrays: dict[int, Assign] | None = None, led: bool = False
    ) -> Prepared:
        """The declared command that the words call; `led`: a path or $PATH has led to them."""
        session = self.session
        name = words[0]
        path = self._path_before(node) if node.assigns else None
        language = self.language
        asks = (
            path is not None or "PATH" in language.variables or language.gone or language.hashed.get(name, _UNHASHED)[0]
            or "/" in name or name in language.disabled
        )  # fmt: skip
        leads = self._leads(words, path) if asks and not led else None
        if leads is not None:
            return self.found(leads, node, arrays, True)._replace(name=name)
        if name in language.disabled and not programs.is_tool(session, name):
            raise NotFound(f"{name}: command not found")
        if name == "exec" and "/" in "".join(words[1:2]) and not self.language.strict:
            words = [name, *self._executed(words[1:], path)]
        pair = session.registry.find(words, not self.language.strict)
        if pair is None:
            raise NotFound(fingers.unknown(session.registry, name, node))
        command, rest = pair
        if command.help_option and len(rest) == 1 and rest[0] == "--help":
            helper = session.registry.commands.get("help")
            if helper is not None:
                return Prepared(helper, helper.parse([command.name]), "help", node.assigns, node.redirects, node)
        if command.needs_box and session.box is None:
            raise ShellError(NO_KERNEL)
        try:
            args = command.parse(rest, session.bits)
        except ShellError as error:
            error.placed = not command.program
            self._say_empty(command, error)
            raise
        return Prepared(command, args, command.name, node.assigns, node.redirects, node, None, words, arrays)

    def _path_before(self, node: Simple) -> str | None:
        """`PATH=… COMMAND`: the folders where this command is looked for; None if there is no such assignment."""
        for assign in node.assigns or ():
            parts = [] if isinstance(assign.value, str) else assign.value.parts
            if assign.name == "PATH" and all(part[0] in ("text", "param", "tilde") for part in parts):
                return self.expander().single(assign.value)
        return None

    def _executed(self, words: list[str], path: str | None) -> list[str]:
        """What `exec PATH` runs in the place of a script's shell, which ends where there is no such thing."""
        try:
            return self._leads(words, path) or words
        except NotFound as error:
            self.say(f"exec: {error.message}\n")
            raise Leave(error.status) from None

    def _leads(self, words: list[str], path: str | None) -> list[str] | None:
        """The words that run a script of the box, or a tool by its path; None for all else."""
        try:
            return programs.called(self.session, self.language, words, path)
        except ShellError as error:
            raise NotFound(error.message, error.status) from None

    def _say_empty(self, command: Command, error: ShellError) -> None:
        """A memory command that cannot be called hears which of its names were not set."""
        empty = self.language.empty
        if empty and command.topic in MEMORY and "is not set" not in error.message:
            error.message += f" (${empty[-1]} is not set)"

    def simple(self, node: Simple) -> int:
        session, language = self.session, self.language
        if not language.trapping or language.trapping[-1] == "EXIT":
            language.command = node
            session.running_line = node.line
        if language.empty:
            language.empty.clear()
        words = node.words
        if not words and not node.redirects:
            return self.assignments(node)
        if language.aliases and language.strict and words and words[0] in language.aliases and not node.final:
            aliased = self._alias(str(words[0]), node)
            if aliased is not None:
                return aliased
        try:
            prepared = self.prepare(node)
        except ShellError as error:
            if TOO_LONG in error.message:
                self._once(node)
            return self.refuse(error, node)
        return self.call(prepared, node.line)

    def _alias(self, name: str, node: Simple) -> int | None:
        """What an alias stands for, with the rest of the command behind it; None while it stands for itself."""
        language = self.language
        text = language.aliases[name]
        if name in language.expanding or not language.shopts["expand_aliases"]:
            return None
        language.expanding.add(name)
        try:
            return self.run_text(f"{text}{node.after}")
        finally:
            language.expanding.discard(name)

    def assignments(self, node: Simple) -> int:
        """A line of assignments: its status is that of its last `$( … )`."""
        language = self.language
        language.last_word = ""
        expander, status = self.expander(), 0
        try:
            for assign in node.assigns or ():
                expander.status, expander.refused = None, False
                if self._assigned(expander, assign):
                    language.origins[assign.name] = self.session.line
                status = expander.status if expander.status is not None else status
        except ShellError as error:
            if TOO_LONG in error.message or isinstance(error, Unreasonable):
                self._once(node)
            if not isinstance(error, (Refused, Fatal, Dropped)):
                if not language.strict and (isinstance(error, BadSubscript) or error.status != 1):
                    error = Dropped(error.message)  # a number that is none, an index before the first
                else:
                    error.message = f"memsh: {error.message}"
            return self.complain("", error, node.line)
        return status

    def _assigned(self, expander: Expander, assign: Assign) -> bool:
        """Carry one out; one whose command failed sets nothing: at the prompt in any case, else if it said why."""
        shows = "xtrace" in self.language.options
        if isinstance(assign.value, str) or assign.index is not None or assign.items is not None:
            if shows:
                self.trace(assigned(self, assign, expander.single(assign.value)))  # type: ignore[arg-type]
            expander.assign(assign)
            return True
        text = expander.single(assign.value)
        if expander.status and (self.language.strict or expander.refused):
            return False
        if shows:
            self.trace(assigned(self, assign, text))  # type: ignore[arg-type]
        self.language.set(assign.name, text, assign.adds)
        return True

    def _once(self, what: object) -> None:
        """What is unreasonable is refused once; asked for again in the next round of a loop, it ends the whole line."""
        doing = self.session.doing
        if self.language.loops and doing.refused_once is what:
            raise Unreasonable("")
        doing.refused_once = what

    # calling

    def call(self, prepared: Prepared, line: int) -> int:
        """Call a prepared command with its redirections and print what it refuses."""
        if not prepared.assigns:
            self._trace_words(prepared)
        if prepared.redirects and not prepared.hands_on:
            if _only_exec(prepared.words):
                return self.keep_redirected(prepared.redirects, line)
            if prepared.assigns and prepared.command is None and prepared.function is None:
                status = self.assignments(prepared.node)  # before the files are opened, as in bash
                return self.redirected(prepared.redirects, line, lambda runner: status)
            name = prepared.name
            apart = not programs.is_builtin(self.language, name) and programs.is_tool(self.session, name)
            return self.redirected(prepared.redirects, line, lambda runner: runner.opened(prepared, line), name, apart)
        return self.opened(prepared, line)

    def _trace_words(self, prepared: Prepared) -> None:
        """What `set -x` shows of a command."""
        if "xtrace" in self.language.options and prepared.words:
            self.trace(" ".join(map(traced, prepared.words)))
            for word in prepared.words[1:] if prepared.name in ("export", "readonly") else ():
                name, sets, text = word.partition("=")
                if sets and word[0] != "-":
                    self.trace(f"{name}={traced(text) if text else ''}")

    def opened(self, prepared: Prepared, line: int) -> int:
        """Call a prepared command whose redirections are open."""
        if prepared.command is None and prepared.function is None:
            return self.assignments(prepared.node) if prepared.assigns else prepared.status
        if prepared.assigns:
            return self._with_variables(prepared, line)
        if prepared.words and prepared.command is not None and not prepared.command.runs_line:
            language = self.language
            language.last_word = prepared.words[-1]
            if prepared.arrays and len(prepared.words) - 1 in prepared.arrays:  # `declare a=(1 2)`
                language.last_word = prepared.arrays[len(prepared.words) - 1].name
        waiting, self.behind = self.behind, []  # its `<( … )` are there until it ends, whatever it runs
        try:
            return self._call(prepared, line)
        finally:
            self.behind = waiting
            if waiting:
                self.settle_streams()

    def _call(self, prepared: Prepared, line: int) -> int:
        """Call a function or a command with the streams as they are."""
        if prepared.function is not None:
            return self.call_function(prepared.function, prepared.words, line)
        session = self.session
        command = prepared.command
        assert command is not None
        if command.changes and getattr(session.box, "panicked", False):
            return self.complain(prepared.name, ShellError(PANICKED), line)
        runner: Any = self
        redirects = prepared.redirects if prepared.redirects and prepared.hands_on else None
        io = IO(session, self.stdout, self.stderr, self.stdin, runner, prepared.name, redirects)
        io.arrays = prepared.arrays
        doing = session.doing
        doing.ran.add(prepared.name)
        if not command.shell and not self.forked and "/" not in prepared.name:
            self._hash(prepared.name)
        session.streams.runner = runner
        try:
            return self._perform(prepared, io, line)
        finally:
            if session.hooks.console is not None:
                session.hooks.console(io)

    def _hash(self, name: str) -> None:
        """Count how often a program ran, for `hash`, which finds out where it is."""
        hashed = self.language.hashed
        if name in hashed:
            path, hits = hashed[name]
            hashed[name] = (path, hits + 1)
        elif "hashall" in self.language.options and not programs.is_builtin(self.language, name):
            hashed[name] = ("", 1)

    def _perform(self, prepared: Prepared, io: IO, line: int) -> int:
        session = self.session
        assert prepared.command is not None
        try:
            command, args = prepared.command, prepared.args
            call = _look if command.looks else _call
            outside = command.outside
            if outside is True or (outside and args is not None and outside(session, args)):
                return run_outside(self, io, command.alone, lambda: call(command, session.box, args, io))  # type: ignore[arg-type]
            status = call(command, session.box, args, io)
            return self._push(prepared.name, status) if getattr(self.stdout, "buffers", False) else status
        except Unreasonable as error:
            self._once(prepared.name)
            return self.complain(prepared.name, error, line)
        except ShellError as error:
            if isinstance(error, Readonly) and error.message:  # of a builtin it is an error like any other
                error = ShellError(error.message, error.status)
            error.placed = not prepared.command.program
            self._say_empty(prepared.command, error)
            status = self.complain(prepared.name, error, line)
            self._tell_reason(prepared, error)
            spared = self.language.strict or self.language.tested or prepared.name in ("break", "continue")
            if self._posix(prepared) and not spared:
                raise Leave(status) from None
            return status
        except (PipeClosed, Interrupted, Leave, LoopControl, Return, OutputGone, KeyboardInterrupt, MemoryError):
            raise
        except RecursionError:
            return self.complain(prepared.name, ShellError("nested too deeply"), line)
        except OSError as error:
            status = self.uncaught(prepared.name, error)
            self._tell_reason(prepared, error)
            return status
        except ValueError as error:
            if TOO_LONG_A_NUMBER not in str(error):
                return self.bug(prepared.name, error)
            return self.complain(prepared.name, ShellError("a number of thousands of digits is none here"), line)
        except Exception as error:
            return self.bug(prepared.name, error)

    def _push(self, name: str, status: int) -> int:
        """What a command wrote to a file is a write() of its own, made by the time it ends."""
        watched = self.session.hooks.watch or UNWATCHED
        try:
            with watched:
                self.stdout.flush()  # type: ignore[attr-defined]
            return status
        except OSError as error:
            return self.uncaught(name, error, "write error: ")

    def _tell_reason(self, prepared: Prepared, error: Exception) -> None:
        """Below a refusal, where a person reads it: why."""
        session = self.session
        if session.reasons is not None and session.box is not None and prepared.args is not None:
            told = session.reasons(session.box, prepared.name, prepared.args, error)
            self.say(f"  {told}\n" if told else "")

    def call_function(self, function: Function, words: list[str], line: int) -> int:
        """Run a function's body with its own arguments. `return` ends it."""
        language = self.language
        if len(language.frames) >= FUNCTIONS:
            raise Dropped(f"{words[0]}: maximum function nesting level exceeded ({FUNCTIONS})")
        make_room()
        language.enter(Called(words[0], function.file, line), words[1:])
        loops, language.loops = language.loops, 0
        try:
            if "DEBUG" in language.traps:
                self.session.running_line = function.line
                self.trap("DEBUG")
            return self.returned(self.run, function.body)
        finally:
            language.loops = loops
            language.leave()
            language.last_word = words[-1]
            self.session.running_line = line or self.session.running_line

    def _before_functions(self, name: str) -> bool:
        return "posix" in self.language.options and name in programs.SPECIAL

    def _posix(self, prepared: Prepared) -> bool:
        """Whether this is a special builtin, and `set -o posix` is on."""
        return prepared.function is None and self._before_functions(prepared.name)

    def _with_variables(self, prepared: Prepared, line: int) -> int:
        """`name=value COMMAND`: set, and exported, for this command only."""
        language = self.language
        lasting = self._posix(prepared)
        given = [assign.name for assign in prepared.assigns or () if assign.index is None and not lasting]
        kept = {name: language.snapshot(name) for name in given}
        for name in given:
            language.mark(name, "ilcu", False)  # an environment has texts only
        if prepared.function is None:
            language.covered.append((len(language.frames), kept))
        try:
            expander = self.expander()
            for assign in prepared.assigns or ():
                expander.status, expander.refused = None, False
                if assign.index is not None:
                    self.say(f"`{assign.name}[{expander.single(assign.index)}]': not a valid identifier\n")
                    continue
                if assign.items is not None:  # in an environment there are no arrays
                    assign = Assign(assign.name, assign.raw, None, assign.adds)
                try:
                    if self._assigned(expander, assign):
                        language.mark(assign.name, "x")
                except Readonly as error:  # told, and the command runs without it
                    self.say(f"memsh: {error.message}\n")
                    if lasting:
                        raise Leave(NOT_FOUND if language.commanded else 1) from None
            if prepared.function is not None:
                language.given = kept
            self._trace_words(prepared)
            return self.opened(prepared._replace(assigns=None), line)
        except ShellError as error:
            if isinstance(error, (Dropped, Fatal)):
                raise
            return self.complain(prepared.name, error, line)
        finally:
            language.given = {}
            if prepared.function is None:
                language.covered.pop()
            for name, saved in kept.items():
                language.put_back(name, saved)

    def trace(self, text: str) -> None:
        """A line of `set -x`."""
        line = f"{prefix(self)}{text}\n"  # type: ignore[arg-type]
        number = self.language.variables.get("BASH_XTRACEFD") or ""
        if is_digits(number):
            stream: Any = {1: self.stdout, **self.others}.get(int(number[:9]))
            if stream is not None and hasattr(stream, "write"):
                stream.write(line)
                return
        self.say(line)
