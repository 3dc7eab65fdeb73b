"""tload: the load average as a picture that moves to the left (procps-ng 4.0.2, src/tload.c)."""

from __future__ import annotations

import re

from memsh.procps.options import Grammar, usage
from memsh.procps.reader import Frames, Pause, ProcReader, Result, finish

USAGE = usage(
    "tload",
    "[options] [tty]",
    " -d, --delay <secs>  update delay in seconds\n -s, --scale <num>   vertical scale\n\n",
    "\nFor more details see tload(1).\n",
)
GRAMMAR = Grammar("tload", "s:d:Vh", {"scale=": "s", "delay=": "d", "help": "h", "version": "V"}, USAGE)
UINT_MAX = 0xFFFFFFFF  # not i386: a C unsigned int
SCALES = 4  # a load of 1 is a quarter of the screen at first


_WHOLE, _REAL = r"[ \t\n]*[+-]?[0-9]+", r"[ \t\n]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)"


def run(reader: ProcReader, argv: list[str], width: int = 80, rows: int = 24) -> Result:
    """One picture; `argv` without the program's name."""
    return finish(frames(reader, argv, width, rows))


def frames(reader: ProcReader, argv: list[str], width: int = 80, rows: int = 24) -> Frames:
    """A picture after each delay: newest on the right; `-` for all three averages, `=` for two, `*` for one."""
    delay, scale = 5.0, 0.0
    operands: list[str] = []
    for option, value in GRAMMAR.options(argv, operands):
        if option == "h":
            raise GRAMMAR.help()
        if option == "V":
            raise GRAMMAR.version()
        text = value or ""
        if not re.fullmatch(_WHOLE if option == "d" else _REAL, text):
            raise GRAMMAR.die(f"failed to parse argument: '{text}'")
        number = float(text)
        if option == "s" and number < 0:
            raise GRAMMAR.die("scale cannot be negative")
        if option == "d" and not 1 <= number <= UINT_MAX:
            raise GRAMMAR.die("delay must be positive integer" if number < 1 else "too large delay value")
        delay, scale = (number, scale) if option == "d" else (delay, number)
    if operands:
        raise GRAMMAR.die("can not open tty: No such file or directory")
    history: list[tuple[float, float, float]] = []
    while True:
        first, second, third = (float(word) for word in reader.read("/proc/loadavg").split()[:3])
        history = [*history[-(width - 1) :], (first, second, third)] if width > 1 else [(first, second, third)]
        lines_of_one = scale or rows / SCALES
        highest = max(max(loads) for loads in history)
        if highest * lines_of_one > rows - 1:
            lines_of_one = (rows - 1) / highest
        yield _picture(history, width, rows, lines_of_one)
        yield Pause(delay, True)


def _picture(history: list[tuple[float, float, float]], width: int, rows: int, lines_of_one: float) -> str:
    grid = [[" "] * width for _ in range(rows - 1)]
    for at, loads in enumerate(reversed(history)):
        column = width - 1 - at
        heights = [int(load * lines_of_one) for load in loads]
        for line in range(min(max(heights), rows - 1)):
            reaching = sum(height > line for height in heights)
            grid[rows - 2 - line][column] = " *=-"[reaching]
    head = ", ".join(f"{load:.2f}" for load in history[-1])
    grid[0][: len(head) + 1] = f" {head}"[:width]
    return "".join("".join(row).rstrip() + "\n" for row in grid)
