"""Scripts from files, from `-c` and from standard input: `-e`, `-x`, `--step`."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from memsh.shell.errors import Incomplete, SyntaxFault
from memsh.shell.lines import run_line, syntax_error
from memsh.shell.parse import parse
from memsh.shell.run import Runner
from memsh.shell.session import Session
from memsh.shell.syntax import Line


def run_script(
    session: Session, text: str, where: str = "", *, echo: bool = False, step: Callable[[], bool] | None = None
) -> int:
    """Run a script; answers the last status. A text with a syntax error runs not at all.

    `echo` prints comments and each command before it runs; `step` is asked before each and answers False to stop.
    """
    runner = Runner(session, session.stdout, session.stderr, session.stdin, tty=session.is_tty, where=where)
    try:
        lines = parse(text)
    except SyntaxFault as fault:
        session.last_status = syntax_error(runner, text, fault)
        return session.last_status
    return _run_lines(runner, lines, text, 1, echo, step)[0]


def run_stream(
    session: Session, source: Iterable[str], flush: Callable[[], None], *, echo: bool = False
) -> int:  # fmt: skip
    """Run commands as they come in, each as soon as it is complete, so that a program at the other end of a pipe can
    read the answer (`flush` sends it off) before it writes the next; answers the last status.

    A syntax error costs its own line only.
    """
    runner = Runner(session, session.stdout, session.stderr, session.stdin, tty=session.is_tty)
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
        parse(text, first)
    except SyntaxFault as fault:
        runner.session.last_status = syntax_error(runner, text, fault, first)
    return runner.session.last_status


def _run_lines(
    runner: Runner, lines: list[Line], text: str, first: int, echo: bool, step: Callable[[], bool] | None,
    status: int = 0,
) -> tuple[int, bool]:  # fmt: skip
    """The lines of a text that begins with line `first` of the script: the last status, and whether to stop there."""
    session = runner.session
    shown = text.split("\n") if echo or step else []
    place = 0
    session.was_interrupted = False
    for line in lines:
        if shown:
            place = _echo(session, shown, place, line.number - first, line.text, step is not None)
        if step is not None and not step():
            return status, True
        status = run_line(runner, line)
        if session.was_interrupted:
            return status, True
        if status and session.stop_on_error:
            at = f"{runner.where}:{line.number}" if runner.where else f"line {line.number}"
            session.stderr.write(f"memsh: {at}: stopped at the first failing command (status {status})\n")
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
