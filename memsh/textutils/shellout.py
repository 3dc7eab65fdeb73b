"""A line of shell, or a command given as words, run by a tool: awk's system() and pipes, sed's e, `sh -c`."""

from __future__ import annotations

from collections.abc import Iterable

from memsh.shell.errors import PIPE_STATUS, PipeClosed
from memsh.shell.io import IO, Input, Sink
from memsh.shell.lines import as_shell
from memsh.shell.run import Runner
from memsh.shell.told import within


def run_line(
    io: IO, text: str, stdin: Input | None = None, sink: Sink | None = None, name: str = "",
    arguments: list[str] | None = None, options: Iterable[str] = (), commanded: bool = False,
    startup: str | None = None, reads: bool = False,
) -> int:  # fmt: skip
    """Run a line in the surroundings of the tool that asks, as a shell of its own would: it knows what was exported,
    and what it sets is gone afterwards; `options` are set, `commanded` is `-c`, with `reads` the text is its standard
    input. Answers its status."""
    session, outer = io.session, io.runner
    runner = Runner(
        session, io.sink if sink is None else sink, io.stderr, io.stdin if stdin is None else stdin,
        captured=sink is not None or io.captured, tty=io.is_tty and sink is None, where=outer.where,
        others=dict(outer.others),
    )  # fmt: skip
    try:
        with within(session):
            status = as_shell(runner, text, name, arguments, options, commanded, startup, reads)
    except PipeClosed:
        if sink is None:
            raise
        status = PIPE_STATUS
    outer.refused = outer.refused or runner.refused
    return status
