"""trap: commands to run at the end, at a failure, at a signal, around commands (bash: builtins/trap.def, trap.c).

Signals that the shell traps are its own when they are sent to `$$`; the others go to the current process. Known
deviations: CHLD never comes (a job is no process); a trap for a signal that nobody can send here is kept and shown.
"""

from __future__ import annotations

from memsh.commands.options import short_options
from memsh.digits import is_digits
from memsh.linux.kernel.signal import SIGNAL_NAMES, SIGNALS
from memsh.shell import IO, Args, UsageError, command, rest
from memsh.shell.quoting import single

TOPIC = "session"
CONDITIONS = ("DEBUG", "ERR", "RETURN")
_ROW = 5  # signals on a line of `trap -l`


def _condition(word: str) -> str:
    """EXIT, DEBUG, ERR, RETURN or a signal's name without SIG; "" if it is none."""
    if is_digits(word):
        number = int(word[:9])
        return "EXIT" if not number else SIGNAL_NAMES.get(number, "")
    name = word.upper()
    if name in ("EXIT", *CONDITIONS):
        return name
    return name.removeprefix("SIG") if name.removeprefix("SIG") in SIGNALS else ""


def _shown(name: str) -> str:
    return name if name in ("EXIT", *CONDITIONS) else f"SIG{name}"


def table() -> str:
    """`trap -l`."""
    cells = [f"{number:2}) SIG{name}" for name, number in SIGNALS.items()]
    rows = [cells[at : at + _ROW] for at in range(0, len(cells), _ROW)]
    return "".join("\t".join(row) + "\n" for row in rows)


def _print(io: IO, words: list[str]) -> int:
    language, status = io.language, 0
    traps = language.traps if language.parents_traps is None else language.parents_traps
    for word in words or ["EXIT", *SIGNALS, *CONDITIONS]:
        name = _condition(word)
        if not name:
            io.complain(f"{word}: invalid signal specification")
            status = 1
        elif name in traps:
            io.out(f"trap -- {single(traps[name])} {_shown(name)}\n")
    return status


@command(rest("words", raw=True, meta="[-lp] [COMMANDS] [EXIT|ERR|INT"), topic=TOPIC, needs_box=False, shell=True)
def trap(box: object, args: Args, io: IO) -> int:
    """commands to run when a script ends, a command fails or Ctrl-C comes

    trap 'echo bye' EXIT

    EXIT, ERR, DEBUG (before each command), RETURN (after a function), or a signal that is sent to $$. `trap - EXIT`
    forgets them, `trap '' INT` hears the signal no more, `trap` alone lists them, -l the signals.
    """
    on, _, words, _ = short_options(args.words, "lp") if args.words[:1] != ["-"] else ("", "", args.words, 0)
    if "l" in on:
        io.out(table())
        return 0
    if "p" in on or not words:
        return _print(io, words)
    text, conditions = words[0], words[1:]
    if not conditions or is_digits(text):
        if not conditions and not _condition(text):
            raise UsageError("usage: trap [-lp] [[COMMANDS] SIGNAL …]")
        text, conditions = "-", words
    language, status = io.language, 0
    for word in conditions:
        name = _condition(word)
        if not name:
            io.complain(f"{word}: invalid signal specification")
            status = 1
            continue
        language.changes += 1
        language.parents_traps = None
        if text == "-":
            language.traps.pop(name, None)
        else:
            language.traps[name] = text
    return status
