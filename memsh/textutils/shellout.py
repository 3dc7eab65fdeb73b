"""A line of shell, or a command given as words, run by a tool: awk's system() and pipes, sed's e, `sh -c`."""

from __future__ import annotations

from memsh.shell.errors import Leave, LoopControl, PipeClosed, ShellError, SyntaxFault
from memsh.shell.io import IO, Input, Sink
from memsh.shell.lines import syntax_error
from memsh.shell.parse import parse
from memsh.shell.run import PIPE_STATUS, Runner


def run_line(io: IO, text: str, stdin: Input | None = None, sink: Sink | None = None) -> int:
    """Run a line in the surroundings of the tool that asks, as a shell of its own would: what it sets is gone
    afterwards. Answers its status."""
    session, outer = io.session, io.runner
    runner = Runner(
        session, io.sink if sink is None else sink, io.stderr, io.stdin if stdin is None else stdin,
        captured=sink is not None or io.captured, tty=io.is_tty and sink is None, where=outer.where,
    )  # fmt: skip
    variables, cwd = dict(session.variables), session.cwd
    status = 0
    try:
        for piece in parse(text + "\n"):
            status = runner.run(piece.program)
    except SyntaxFault as fault:
        status = syntax_error(runner, text, fault)
    except ShellError as error:
        status = runner.complain("", error, 0)
    except Leave as leave:
        status = leave.status
    except PipeClosed:
        if sink is None:
            raise
        status = PIPE_STATUS
    except LoopControl:
        status = 0
    finally:
        session.variables, session.cwd = variables, cwd
    outer.refused = outer.refused or runner.refused
    return status
