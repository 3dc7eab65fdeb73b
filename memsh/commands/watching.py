"""watch: a command again and again, the box's clock moving on between (procps-ng 4.0.2, src/watch.c).

Known deviations: a number after -c is how often it runs (so is --count), since a script has no Ctrl-C; without a
terminal the frames come one below the other, two of them unless --count, -g or -q says otherwise; -b is silent.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from memsh.commands.tools import parting, reader_of
from memsh.linux.box import Box
from memsh.procps.options import VERSION, usage
from memsh.procps.reader import Exit
from memsh.shell.errors import ShellError
from memsh.shell.registry import Args, command, rest
from memsh.shell.script import capture_line
from memsh.shell.told import within

if TYPE_CHECKING:
    from memsh.shell.io import IO

_USAGE = usage(
    "watch",
    "[options] command",
    "  -b, --beep             beep if command has a non-zero exit\n"
    "  -c, --color            interpret ANSI color and style sequences\n"
    "  -d, --differences[=<permanent>]\n"
    "                         highlight changes between updates\n"
    "  -e, --errexit          exit if command has a non-zero exit\n"
    "  -g, --chgexit          exit when output from command changes\n"
    "  -q, --equexit <cycles>\n"
    "                         exit when output from command does not change\n"
    "  -n, --interval <secs>  seconds to wait between updates\n"
    "  -p, --precise          attempt run command in precise intervals\n"
    "  -t, --no-title         turn off header\n"
    "  -w, --no-wrap          turn off line wrapping\n"
    "  -x, --exec             pass command to exec instead of \"sh -c\"\n"
    "\n"
    " -h, --help     display this help and exit\n"
    " -v, --version  output version information and exit\n",
    "\nFor more details see watch(1).\n",
    standard=False,
)
_LONG = {
    "beep": "b", "color": "c", "no-color": "c", "differences": "d", "errexit": "e", "chgexit": "g", "equexit": "q",
    "interval": "n", "precise": "p", "no-title": "t", "no-wrap": "w", "exec": "x", "count": "count",
    "help": "h", "version": "v",
}  # fmt: skip
ENDLESS = 100_000  # frames without a terminal, at most


def _refusal(message: str) -> ShellError:
    return ShellError(f"{message}\n{_USAGE}".rstrip("\n"))


def _number(text: str) -> float:
    if not re.fullmatch(r"[+-]?(?:[0-9]{1,12}(?:[.,][0-9]*)?|[.,][0-9]+)", text):
        raise ShellError(f"failed to parse argument: '{text}': Invalid argument")
    return float(text.replace(",", "."))


def parse(words: list[str]) -> tuple[dict[str, Any], list[str]]:
    """(options, the command's words); options stop at the first word that is none."""
    options: dict[str, Any] = {"n": 2.0, "d": "", "e": False, "g": False, "q": 0, "title": True, "x": False, "count": 0}
    words = list(words)

    def take(name: str, value: str, has: bool) -> str:
        if not has and not words:
            what = f"option '{name}' requires" if name[:2] == "--" else f"option requires an argument -- '{name[1:]}'"
            raise _refusal(what + " an argument" * (name[:2] == "--"))
        return value if has else words.pop(0)

    while words and words[0][:1] == "-" and len(words[0]) > 1:
        word = words.pop(0)
        if word == "--":
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name not in _LONG:
                raise _refusal(f"unrecognized option '{word}'")
            flags = [(_LONG[name], value, bool(equals))]
        else:
            flags = []
            for at, letter in enumerate(word[1:], 2):
                takes = letter in "nqdc" and at < len(word)
                flags.append((letter, word[at:].removeprefix("=") if takes else "", takes))
                if takes:
                    break
        for letter, value, has in flags:
            if letter == "n":
                options["n"] = min(max(_number(take("-n", value, has)), 0.1), 86400.0)
            elif letter == "q":
                options["q"] = max(1, int(_number(take("-q", value, has))))
            elif letter == "count" or (letter == "c" and (value or re.match("[0-9]+$", words[0] if words else ""))):
                options["count"] = int(_number(take("--count", value, has)))
            elif letter == "d":
                options["d"] = "permanent" if has else "on"
            elif letter in "egx":
                options[letter] = True
            elif letter == "t":
                options["title"] = False
            elif letter in "hv":
                raise Exit(0, stdout=_USAGE if letter == "h" else f"watch from {VERSION}\n")
            elif letter not in "bcpw":
                raise _refusal(f"invalid option -- '{letter}'")
    if not words:
        raise Exit(1, _USAGE)
    return options, words


def title(seconds: float, line: str, right: str, width: int) -> str:
    """The first row: interval and command left, host and time right, cut as watch cuts it."""
    left = f"Every {seconds:.1f}s: "
    if width < len(right):
        return ""
    if len(right) + len(left) + 1 > width:
        return right.rjust(width)
    room = width - len(right) - len(left)
    if room < 3:
        return left + right.rjust(width - len(left))
    if room < len(line) + 1:
        line = (line[: max(0, room - 4)] + "... ") if room >= 4 else ""
    return left + line + right.rjust(width - len(left) - len(line))


@command(rest("words", raw=True, meta="COMMAND", words="command"), topic="session", needs_box=False,
         help_option=False)
def watch(box: Box, args: Args, io: IO) -> int:
    """run a command again and again; the box's clock moves on between

    watch -n 1 cat /proc/buddyinfo

    On a terminal a screen that q and Ctrl-C leave; space refreshes at once. -n SECONDS between (2), -d marks what
    changed (-d=1: and keeps the marks), -t no title, -g ends when the output changes, -q N when it has not changed N
    times, -e when the command fails, --count N after N times. Several words are one line, so 'a | b' may be quoted.
    Without a terminal the screens come one below the other, two of them unless an option says otherwise.
    """
    try:
        options, words = parse(args.words)
    except Exit as end:
        return parting(io, end)
    line = " ".join(words)

    def run() -> tuple[str, int, str]:
        session = io.session
        before = session.box.pulse() if session.box is not None else None
        with within(session):
            text, status = capture_line(io, "" if options["x"] else line, words if options["x"] else [])
        after = session.box.pulse() if session.box is not None else None
        return text, status, line if after != before else ""

    def heading(width: int) -> str:
        return title(options["n"], line, _right(io), width)

    from memsh.commands.screens.livetools import WatchView  # start-up: the tool alone

    view = WatchView(run, heading, options)
    if io.is_tty and io.session.live is not None:
        return io.session.live(io, view)
    most = options["count"] or (ENDLESS if options["g"] or options["q"] or options["e"] or io.is_tty else 2)
    turn = 0
    while True:
        view.refresh()
        io.out(("\n" if turn else "") + view.text(io.width, 24))
        turn += 1
        if view.status is not None or turn >= most:
            return view.status or 0
        io.check()
        if io.session.deadline_check is not None:
            io.session.deadline_check()
        if box is not None:
            io.session.advance(int(options["n"] * 1_000_000))


def _right(io: IO) -> str:
    """`host: date` by the box's clock."""
    reader = reader_of(io.session.box, io)
    try:
        host = reader.read("/proc/sys/kernel/hostname").strip()
    except OSError:
        host = "(none)"
    try:
        from memsh.procps.figures import now  # start-up: the tool alone

        return f"{host}: {time.asctime(time.gmtime(now(reader)))}"
    except OSError:
        return f"{host}: "
