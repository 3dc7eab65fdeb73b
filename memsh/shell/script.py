"""Scripts from files, from `-c` and from standard input: `-e`, `-x`, `--step`.

In a script an unset name is empty (unless `set -u`), what a line cannot go on from ends it, and `trap … EXIT` runs at
the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from memsh.shell.errors import (
    ErrExit,
    Incomplete,
    Leave,
    LoopControl,
    PipeClosed,
    Return,
    ShellError,
    SyntaxFault,
)
from memsh.shell.io import IO, Capture, TextInput
from memsh.shell.lines import each, run_line, syntax_error
from memsh.shell.parse import lines as parsed
from memsh.shell.parse import parse
from memsh.shell.run import Runner
from memsh.shell.session import Session
from memsh.shell.switches import TYPED
from memsh.shell.syntax import Line, Simple


@contextmanager
def _as_script(session: Session, name: str) -> Iterator[None]:
    """Unset names are empty, `$0` is the script's, aliases and ?( … ) wait for `shopt`."""
    language = session.language
    strict, before, scripted = language.strict, language.name, language.scripted
    language.strict, language.name, language.scripted = False, name or before, bool(name)
    within, language.within = language.within, name or language.within
    shopts = {option: language.shopts[option] for option in TYPED}
    if strict:
        language.shopts.update(dict.fromkeys(TYPED, False))
    try:
        yield
    finally:
        session.language.strict, session.language.name, session.language.scripted = strict, before, scripted
        session.language.within = within
        if strict:
            session.language.shopts.update(shopts)


def run_script(
    session: Session, text: str, where: str = "", *, echo: bool = False, step: Callable[[], bool] | None = None
) -> int:
    """Run a script; answers the last status. What stands before a syntax error has run.

    `echo` prints comments and each command before it runs; `step` is asked before each and answers False to stop.
    """
    runner = Runner.of_session(session, where)
    with _as_script(session, where):
        try:
            status = _run_lines(runner, each(runner, text), text, 1, echo, step)[0]
        except Return as back:
            status = back.status
        except Leave as leave:
            raise Leave(runner.at_exit(leave.status)) from None
        return runner.at_exit(status)


def run_stream(
    session: Session, source: Iterable[str], flush: Callable[[], None], *, echo: bool = False
) -> int:  # fmt: skip
    """Run commands as they come in, each as soon as it is complete, so that a program at the other end of a pipe can
    read the answer (`flush` sends it off) before it writes the next; answers the last status.

    A syntax error costs its own line only.
    """
    runner = Runner.of_session(session)
    with _as_script(session, ""):
        try:
            status = _run_stream(runner, source, flush, echo)
        except Return as back:
            status = back.status
        except Leave as leave:
            raise Leave(runner.at_exit(leave.status)) from None
        return runner.at_exit(status)


def _run_stream(runner: Runner, source: Iterable[str], flush: Callable[[], None], echo: bool) -> int:
    session = runner.session
    pending, first, status = "", 1, 0
    for text in source:
        pending += text
        try:
            lines = parse(pending, first)
        except Incomplete:
            continue
        except SyntaxFault as fault:
            status = session.last_status = syntax_error(runner, pending, fault, first)
            stopped = session.stop_on_error
        else:
            status, stopped = _run_lines(runner, lines, pending, first, echo, None, status)
        flush()
        first, pending = first + pending.count("\n"), ""
        if stopped:
            return status
    if pending:
        return run_rest(runner, pending, first)
    return status


def run_rest(runner: Runner, text: str, first: int) -> int:
    """What the end of input left incomplete: an error, which says what is missing."""
    try:
        for line in parsed(text, first, None, True, lambda warning: runner.say(f"memsh: {warning}\n")):
            run_line(runner, line)
    except SyntaxFault as fault:
        runner.session.last_status = syntax_error(runner, text, fault, first)
    return runner.session.last_status


def _run_lines(
    runner: Runner, lines: Iterable[Line | SyntaxFault], text: str, first: int, echo: bool,
    step: Callable[[], bool] | None, status: int = 0,
) -> tuple[int, bool]:  # fmt: skip
    """The lines of a text that begins with line `first` of the script: the last status, and whether to stop there."""
    session = runner.session
    shown = text.split("\n") if echo or step else []
    place = 0
    session.was_interrupted = False
    for line in lines:
        if isinstance(line, SyntaxFault):
            return line.status, True
        if shown:
            place = _echo(session, shown, place, line.number - first, line.text, step is not None)
        if step is not None and not step():
            return status, True
        try:
            status = run_line(runner, line)
        except ErrExit as stopped:
            at = f"{runner.where}:{line.number}" if runner.where else f"line {line.number}"
            runner.say(f"memsh: {at}: stopped at the first failing command (status {stopped.status})\n")
            session.last_status = stopped.status
            return stopped.status, True
        if session.was_interrupted:
            return status, True
    _echo(session, shown, place, len(shown), "")
    return status, False


def _echo(session: Session, shown: list[str], place: int, number: int, command: str, waits: bool = False) -> int:
    """Print the comments from line `place` on, then the command of line `number`; answers where to go on."""
    for passed in shown[place:number]:
        if passed.lstrip().startswith("#"):
            session.stdout.write(passed + "\n")
    if command and (waits or command.split(None, 1)[0] not in ("note", "pause")):  # which say it themselves
        prompt = "memsh(plain)> " if getattr(session.box, "plain", False) else "memsh> "
        session.stdout.write(prompt + command.replace("\n", "\n> ") + "\n")
    return number + command.count("\n") + 1


def capture_line(io: IO, line: str, words: list[str] | None = None) -> tuple[str, int]:
    """The text (errors with it) and the status of a line of shell, or of one command given as words."""
    kept = Capture()
    runner = Runner(io.session, kept, kept, TextInput(""), where=io.runner.where)
    if words:
        node = Simple(0, 0)
        node.words = list(words)
        status = runner.run(node)
        return kept.text(), status
    try:
        status = 0
        for piece in parse(line + "\n"):
            status = runner.run(piece.program)
    except SyntaxFault as fault:
        status = syntax_error(runner, line, fault)
    except ShellError as error:
        status = runner.complain("", error, 0)
    except (LoopControl, PipeClosed):
        status = 0
    return kept.text(), status
