"""`time PIPELINE`: how long it took by the box's clock (bash: execute_cmd.c, print_formatted_time)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.lazy import regular

if TYPE_CHECKING:
    from memsh.shell.session import Session

SHOWN = "\nreal\t%3lR\nuser\t%3lU\nsys\t%3lS"
POSIX = "real %2R\nuser %2U\nsys %2S"
_FIELD = regular(r"%(?:([0-9]?)(l?)([RUS])|(P)|(%))")


def now(session: Session) -> list[int]:
    """Real, user and system time in µs; zeros where there is no box."""
    return session.registry.times(session) if session.registry.times is not None else [0, 0, 0]


def told(layout: str, before: list[int], after: list[int]) -> str:
    """The times as $TIMEFORMAT wants them, "" if it wants none."""
    spent = {letter: end - start for letter, start, end in zip("RUS", before, after, strict=True)}

    def one(match: re.Match[str]) -> str:
        digits, long, letter, share, _ = match.groups()
        if share:
            used = spent["U"] + spent["S"]
            return f"{used * 100 / spent['R'] if spent['R'] else 0:.2f}"
        if not letter:
            return "%"
        places = min(int(digits or 3), 3)
        minutes, usec = divmod(spent[letter], 60_000_000)
        if not long:
            minutes, usec = 0, spent[letter]
        text = str(usec // 1_000_000)
        if places:
            text += f".{usec % 1_000_000:06d}"[: places + 1]
        return f"{minutes}m{text}s" if long else text

    return _FIELD.sub(one, layout) + "\n" if layout else ""
