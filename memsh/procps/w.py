"""w: who is logged in, and how long the machine has been running (procps-ng 4.0.2, src/w.c).

Known deviations: nobody is ever logged in to a box, whose processes have no terminal.
"""

from __future__ import annotations

from memsh.procps import uptime
from memsh.procps.options import Grammar, usage
from memsh.procps.reader import Frames, ProcReader, Result, finish

USAGE = usage(
    "w",
    "[options] [user]",
    " -h, --no-header     do not print header\n"
    " -u, --no-current    ignore current process username\n"
    " -s, --short         short format\n"
    " -f, --from          show remote hostname field\n"
    " -o, --old-style     old style output\n"
    " -i, --ip-addr       display IP address instead of hostname (if possible)\n"
    " -p, --pids          show the PID(s) of processes in WHAT\n",
    "\nFor more details see w(1).\n",
    standard=False,
)
GRAMMAR = Grammar(
    "w",
    "husfoVip",
    {
        "no-header": "h", "no-current": "u", "short": "s", "from": "f", "old-style": "o", "ip-addr": "i", "pids": "p",
        "help": "help", "version": "V",
    },
    USAGE,
)  # fmt: skip


def run(reader: ProcReader, argv: list[str]) -> Result:
    """Print the heading and nobody; `argv` without the program's name."""
    return finish(frames(reader, argv))


def frames(reader: ProcReader, argv: list[str]) -> Frames:
    """The whole answer at once."""
    operands: list[str] = []
    given: set[str] = set()
    for option, _ in GRAMMAR.options(argv, operands):
        if option == "help":
            raise GRAMMAR.help()
        if option == "V":
            raise GRAMMAR.version()
        given ^= {option}  # -f takes away what is shown by itself
    if "h" in given:
        return
    yield uptime.run(reader, []).stdout
    place = f"{'FROM':<15}" if "f" not in given else ""
    tail = "   IDLE WHAT\n" if "s" in given else "  LOGIN@   IDLE   JCPU   PCPU WHAT\n"
    yield f"{'USER':<8} TTY      {place}{tail}"
