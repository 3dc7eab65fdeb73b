"""Lines of shell from outside: a person's, a script's, a command's own (sudo, xargs, watch). What ends each of them.

A syntax error, Ctrl-C and whatever the shell refuses end one line; the session goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING

from memsh.shell import fingers
from memsh.shell.errors import (
    INTERRUPTED,
    NO_MEMORY,
    PIPE_STATUS,
    Discarded,
    Dropped,
    ErrExit,
    Interrupted,
    Killed,
    Leave,
    LoopControl,
    PipeClosed,
    Return,
    ShellError,
    SyntaxFault,
)
from memsh.shell.io import HostSink, TextInput
from memsh.shell.jobspecs import KILLED, SIGKILL
from memsh.shell.limits import EVALS, LONG
from memsh.shell.parse import lines
from memsh.shell.syntax import Line, Series
from memsh.shell.told import within as nesting

if TYPE_CHECKING:
    from memsh.shell.parser import Settings
    from memsh.shell.run import Runner
    from memsh.shell.session import Session

HOST_LINE = "! "
NOTHING_TO_LEAVE = "can only `return' from a function or sourced script"
MAY_BE_DAMAGED = f"{NO_MEMORY}, and the box may be damaged: `undo` or `reset` gives a sound one"


def each(runner: Runner, text: str, first: int = 1, recalls: bool = False) -> Iterator[Line | SyntaxFault]:
    """The lines of a text, none while `set -n` is on; a mistake in one is told, and then comes as the last. `recalls`:
    they may name past lines."""
    language = runner.language
    text = text.replace("\0", "")  # bash's input has none
    try:
        settings, warns = partial(_settings, runner), partial(_warned, runner)
        heeding = runner.session.looking if len(text) >= LONG else None  # Ctrl-C ends the reading of a long text
        recalled = partial(_recalled, runner) if recalls else None
        for line in lines(text, first, settings, not language.strict, warns, heeding, recalled):
            if "noexec" not in runner.language.options:
                yield line
    except SyntaxFault as fault:
        runner.session.last_status = syntax_error(runner, text, fault, first)
        yield fault


def _settings(runner: Runner) -> Settings:
    language = runner.language
    posix = "posix" in language.options
    aliases = language.aliases if posix or language.shopts["expand_aliases"] else None
    return aliases, language.shopts["extglob"], posix, "keyword" in language.options


def _recalled(runner: Runner, line: str) -> str | None:
    """What `!!` and its kin make of a line, which is told; "" for one that is not to run."""
    language, past = runner.language, runner.language.past
    if past is None or not language.options >= {"history", "histexpand"}:
        return None
    past.begin(runner.session)
    try:
        found = past.history.expand(line, past.lines, language.shopts["extglob"])
    except ShellError as error:
        runner.say(f"{runner.where or 'memsh'}: {error.message}\n")
        return ""
    if found is None:
        return None
    runner.say(found.text + "\n")
    if found.runs:
        return found.text
    past.add(found.text)
    return ""


def _warned(runner: Runner, text: str) -> None:
    runner.say(f"{runner.where or 'memsh'}: {text}\n")


def run_lines(runner: Runner, text: str, first: int = 1) -> int:
    """The lines of a text, one after the other, each into the journal; hooks are called around each. The text begins
    with line `first` of its script."""
    session = runner.session
    try:
        return _lines_of(runner, text, first)
    except MemoryError:  # between two lines
        if session.typed_depth or session.running_job is not None:
            raise
        session.last_status = out_of_memory(runner)
        return session.last_status


def _lines_of(runner: Runner, text: str, first: int) -> int:
    session = runner.session
    if not session.typing:
        return _run_lines(runner, text, first)
    if text.startswith(HOST_LINE):  # bash's language, not this one
        session.last_status = host_line(runner, text, 0)
        return session.last_status
    session.typed_text = text
    try:
        return _run_lines(runner, text, first)
    finally:
        session.typed_text = ""


def _run_lines(runner: Runner, text: str, first: int) -> int:
    session = runner.session
    status = 0
    session.was_interrupted = False
    for line in each(runner, text, first):
        if isinstance(line, SyntaxFault):
            return line.status
        try:
            status = run_line(runner, line)
        except ErrExit as stopped:
            if not session.language.strict:
                raise
            session.last_status = stopped.status
            return stopped.status
        if session.was_interrupted:
            break
    return status


def syntax_error(runner: Runner, text: str, fault: SyntaxFault, first: int = 1) -> int:
    """Say where and why; if C was typed, say how it is typed here. The text begins with line `first` of the script."""
    line = text.split("\n")[fault.line - first] if fault.line - first <= text.count("\n") else ""
    hint = fingers.in_text(runner.session.registry, line)
    place = f"{runner.where}:{fault.line}:{fault.column}: " if runner.where else "memsh: "
    tail = "" if runner.where else f" (line {fault.line}, column {fault.column})"
    runner.say(f"{place}syntax error: {hint or fault.message}{tail}\n")
    return fault.status


def run_line(runner: Runner, line: Line) -> int:
    """One complete line. Ctrl-C ends it with status 130; the session stays usable."""
    session = runner.session
    if line.text.startswith(HOST_LINE) and session.typing and line.text in session.typed_text:  # not by an alias
        session.last_status = host_line(runner, line.text, line.number)
        return session.last_status
    if session.turn is None:
        return _run_line(runner, line)
    with session.turn.line():
        return _run_line(runner, line)


def host_line(runner: Runner, text: str, number: int) -> int:
    """`! PIPELINE`: the host's bash runs it, on this box; it is no line of the journal, what it does to the box is."""
    session = runner.session
    if not session.at_prompt or session.host_line is None:
        refusal = ShellError("! PIPELINE is the host's bash: for a person's own prompt only", 2)
        return runner.complain("", refusal, number)
    try:
        return session.host_line(session, text.removeprefix(HOST_LINE))
    except ShellError as error:
        return runner.complain("!", error, number)
    finally:
        session.journal.append(text.rstrip("\n"))


def run_deed(session: Session, line: str, work: Callable[[], None], gone: Callable[[], bool] | None = None) -> None:
    """What was done to the box without typing, told as the line that does the same. What `work` raises is raised.

    It waits for the line that runs, unless that is a live screen between two refreshes: then it is part of what that
    screen did.
    """
    turn = session.turn
    with turn.deed(gone) if turn is not None else nullcontext(False) as within:
        if within:
            work()
            session.lived[-1].ran(line)
            return
        outer, session.line, session.ran = session.line, line, set()
        session.was_interrupted = False
        for before in session.before_line:
            before(session, line)
        status = 1
        try:
            work()
            status = 0
        finally:
            for after in session.after_line:
                after(session, line, status)
            session.line = outer
            session.journal.append(line)


def _run_line(runner: Runner, line: Line) -> int:
    session = runner.session
    session.typed_line = line.number
    if "verbose" in session.language.options:
        runner.say(line.text + "\n")
    try:
        hint = fingers.in_line(session.registry, line)
        if hint:
            status = runner.complain("", ShellError(hint, 2), line.number)
        else:
            status = runner.run_typed(line.program, line.text)
        if session.interrupted and not session.typed_depth and not session.replaying:
            raise Interrupted  # pressed while nothing looked: it is this line's, not the next one's
    except (Interrupted, KeyboardInterrupt):
        if session.typed_depth or session.running_job is not None:
            raise  # a line of a script, of compare, of display, of a job: Ctrl-C is for all that was typed
        session.interrupted, session.cut_at = False, 0
        status = INTERRUPTED
        session.was_interrupted = True
        runner.say("\n" if session.is_tty else "memsh: interrupted\n")
        if session.language.traps.get("INT") and not session.replaying:
            session.was_interrupted = False
            session.last_status = status
            runner.trap("INT")
    except PipeClosed:
        status = PIPE_STATUS
    except LoopControl:
        if session.language.loops:  # of a loop that sources this
            raise
        status = 0
    except Dropped as error:
        status = runner.dropped(error)
        if isinstance(error, Discarded) and session.language.source_depth:
            session.doing.journal.append(line.text)
            raise Discarded("") from None
        if "errexit" in session.language.options and not session.language.strict:
            raise ErrExit(status) from None
    except ShellError as error:
        status = runner.complain("memsh", error, line.number)
    except RecursionError:
        status = runner.complain("memsh", ShellError("nested too deeply"), line.number)
    except MemoryError:
        if session.typed_depth or session.running_job is not None:
            raise
        status = out_of_memory(runner, line.number)
    session.language.last_status = status
    session.doing.journal.append(line.text)
    if session.hung_up and not session.typed_depth:
        raise Leave(session.hung_up)
    return status


def out_of_memory(runner: Runner, number: int = 0) -> int:
    """The host gives no more memory for a line that was typed; a kernel operation may have been cut in the middle."""
    session = runner.session
    session.spare.spend()
    session.was_interrupted = True
    if session.timeline is not None:
        session.timeline.forget()
    if session.box is not None:
        session.box.tainted = True
    return runner.complain("memsh", ShellError(MAY_BE_DAMAGED), number)


def evaluated(runner: Runner, text: str, first: int = 1) -> int:
    """The commands of a text as part of the line that runs (eval, traps, aliases): whatever ends it ends that line.
    Its lines are those from `first` on."""
    session = runner.session
    language = session.language
    if language.source_depth >= EVALS:
        raise ShellError("nested too deeply")
    language.source_depth += 1
    language.depth += 1
    status = 0
    try:
        for line in each(runner, text, first):
            if isinstance(line, SyntaxFault):
                if "posix" in language.options and not (language.strict or language.tested):
                    raise Leave(line.status)
                return line.status
            several = isinstance(line.program, Series) and len(line.program.items) > 1
            with nesting(session) if several else nullcontext():
                try:
                    status = runner.run(line.program)
                except Discarded:
                    raise
                except Dropped as error:
                    if language.strict or language.level or "errexit" in language.options:
                        raise
                    status = language.last_status = runner.dropped(error)
    except Return:
        if language.frames or language.source_depth > 1:
            raise
        status = runner.complain("return", ShellError(NOTHING_TO_LEAVE, 2))
    finally:
        language.source_depth -= 1
        language.depth -= 1
    return status


def as_shell(
    runner: Runner, text: str, name: str, arguments: list[str] | None, options: Iterable[str] = (),
    commanded: bool = False, startup: str | None = None, reads: bool = False,
) -> int:  # fmt: skip
    """A text in a shell of its own (`sh -c`): exported variables only, `$0`, arguments and options as given. With a
    `startup`, which runs first, as a shell that somebody types at. `reads`: the text is its standard input, of which
    its commands may take what stands behind their lines."""
    runner = runner.apart()
    stdin = runner.stdin = TextInput(text) if reads else runner.stdin

    def work() -> int:
        language = runner.language
        language.becomes_program(name, arguments)
        language.commanded = text if commanded else ""
        language.scripted = not (commanded or reads)
        language.within = name if language.scripted else "environment" if commanded else "main"
        language.family = language.program = runner.session.new_family()
        language.job = runner.session.running_job
        language.interactive = startup is not None
        typed = language.interactive and not commanded
        if language.interactive:
            language.shopts["expand_aliases"] = True
        else:
            for prompt in ("PS1", "PS2"):  # whatever the environment says
                language.variables.pop(prompt, None)
                language.attributes.pop(prompt, None)
        language.options |= {"history", "histexpand"} if typed else set()
        for option in options:
            language.begin_with(option)
        try:
            if startup:
                _lines_of_its_own(runner, each(runner, startup))
            found = _shared(runner, stdin) if isinstance(stdin, TextInput) and reads else each(runner, text, 1, True)
            return _lines_typed(runner, found) if typed else _lines_of_its_own(runner, found)
        except Killed as end:
            if end.program != language.program:
                raise
            runner.say(f"{KILLED[end.status - 128]}\n")
            if end.status == 128 + SIGKILL:
                language.traps.pop("EXIT", None)
            return end.status

    return runner.subshell(work)


def _shared(runner: Runner, stdin: TextInput) -> Iterator[Line | SyntaxFault]:
    """The lines of a text that is standard input, too: what a command takes of it is no line any more."""
    first = 1
    while text := stdin.ahead():
        for line in each(runner, text, first, True):
            if isinstance(line, SyntaxFault):
                yield line
                return
            behind = line.number + line.text.count("\n") + 1
            for _ in range(behind - first):
                stdin.readline()
            first, place = behind, stdin.place()
            yield line
            if runner.stdin is not stdin:  # `exec < FILE`
                return
            if stdin.place() != place:
                break
        else:
            return


def _lines_of_its_own(
    runner: Runner, found: Iterable[Line | SyntaxFault], between: Callable[[], None] | None = None
) -> int:
    """The lines of a shell's text; `between` is called before the first and behind each."""
    status, past = 0, runner.language.past
    for line in found:
        if isinstance(line, SyntaxFault):
            return line.status
        if between is not None:
            between()
        if past is not None:
            past.hears(runner.session, line.text)
        try:
            status = runner.run(line.program)
        except Dropped as error:
            status = runner.language.last_status = runner.dropped(error)
            if isinstance(error, Discarded) and runner.language.commanded:
                return status
        except ShellError as error:
            status = runner.complain("", error, line.number)
    if between is not None:
        between()
    return status


def _lines_typed(runner: Runner, found: Iterable[Line | SyntaxFault]) -> int:
    """Those of a shell that somebody types at: the file of past lines, and what runs before each prompt."""
    language, past = runner.language, runner.language.past
    assert past is not None
    try:
        return _lines_of_its_own(runner, found, partial(_prompted, runner))
    finally:
        path = language.get("HISTFILE")
        if path and past.fresh:
            past.save(runner.session, path)


def _prompted(runner: Runner) -> None:
    """$PROMPT_COMMAND, which leaves `$?` as it is (bash: parse.y, execute_variable_command)."""
    language = runner.language
    status, statuses = language.last_status, language.statuses
    for text in language.list_of("PROMPT_COMMAND"):
        try:
            runner.run_text(text)
        except Dropped as error:
            runner.dropped(error)
        language.last_status, language.statuses = status, statuses


def sourced(runner: Runner, text: str, arguments: list[str]) -> int:
    """The lines of a script in this shell; `return` ends them, arguments are its own while it runs."""
    language = runner.language
    before = language.positional
    if arguments:
        language.positional = list(arguments)
    try:
        return runner.returned(partial(run_lines, runner), text)
    finally:
        if arguments:
            language.positional = before


def flush(session: Session) -> None:
    """Push what the host's streams still hold."""
    for sink in (session.stdout, session.stderr):
        if isinstance(sink, HostSink):
            sink.flush()
