"""Scripts from files, from `-c` and from standard input: `-e`, `-x`, `--step`."""

from __future__ import annotations

from collections.abc import Callable

from memsh.shell.errors import SyntaxFault
from memsh.shell.lines import run_line, syntax_error
from memsh.shell.parse import parse
from memsh.shell.run import Runner
from memsh.shell.session import Session


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
    shown = text.split("\n") if echo or step else []
    status, place = 0, 0
    session.was_interrupted = False
    for line in lines:
        if shown:
            place = _echo(session, shown, place, line.number - 1, line.text)
        if step is not None and not step():
            break
        status = run_line(runner, line)
        if session.was_interrupted:
            break
        if status and session.stop_on_error:
            at = f"{where}:{line.number}" if where else f"line {line.number}"
            session.stderr.write(f"memsh: {at}: stopped at the first failing command (status {status})\n")
            break
    else:
        _echo(session, shown, place, len(shown), "")
    return status


def _echo(session: Session, shown: list[str], place: int, number: int, command: str) -> int:
    """Print the comments from line `place` on, then the command of line `number`; answers where to go on."""
    for passed in shown[place:number]:
        if passed.lstrip().startswith("#"):
            session.stdout.write(passed + "\n")
    if command:
        prompt = "memsh(plain)> " if getattr(session.box, "plain", False) else "memsh> "
        session.stdout.write(prompt + command.replace("\n", "\n> ") + "\n")
    return number + command.count("\n") + 1
