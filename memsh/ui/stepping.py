"""`explain --step`: one event a key, with the free lists beside it; what an event changed is marked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.teach.recorder import Picture
from memsh.ui.live import Keyboard
from memsh.ui.player import Screen, wrapped

if TYPE_CHECKING:
    from memsh.shell.session import Session

PANEL = 25  # columns
_FILE = re.compile(r"  /\* \S+\.[chS] \*/$")
_EVENT = re.compile(r"^( *)/\* (.*) \*/$")
KEYS = "space on  b back  g end  q quit"


def panel(before: Picture, now: Picture, zone: int) -> list[str]:
    """One zone's free blocks by order, the process below; `>` marks what moved since the event before."""
    name, counts, waiting = now.zones[zone]
    _, old, old_waiting = before.zones[zone]
    rows = [f"zone {name}", " order  blocks"]
    rows += [f"{'>' if count != was else ' '}{order:>4} {count:>8}" for order, (count, was)
             in enumerate(zip(counts, old, strict=True))]  # fmt: skip
    rows.append(f"{'>' if waiting != old_waiting else ' '}this CPU's list {waiting}")
    process, _, rest = now.process.partition(": ")
    if process:
        rows += ["", process]
        old_parts = before.process.partition(": ")[2].split(", ")
        parts = rest.split(", ")
        rows += [f"{'>' if part not in old_parts else ' '}{part}" for part in parts]
    return [row[: PANEL - 2] for row in rows]


def subject(before: Picture, now: Picture) -> list[str]:
    """What the event is about, drawn; `>` marks each row that was another in the picture before."""
    old = set(before.subject) if before.subject[:1] == now.subject[:1] else set(now.subject)
    return [f"{' ' if row in old else '>'}{row}"[: PANEL - 2] for row in now.subject]


def plain_line(line: str) -> str:
    """A line of the tree without the file of its function: on half a screen there is room for what happens."""
    line = _FILE.sub("", line)
    return _EVENT.sub(r"\1* \2", line)


def changed_zone(before: Picture, now: Picture, shown: int) -> int:
    """The zone to show: the first that moved, else the one that was shown."""
    for at, (old, new) in enumerate(zip(before.zones, now.zones, strict=False)):
        if old != new:
            return at
    return min(shown, len(now.zones) - 1)


def frame(story: list[tuple[list[str], Picture]], at: int, columns: int, rows: int, color: bool) -> list[str]:
    """The screen after `at` + 1 events: the tree on the left, the picture on the right where there is room."""
    beside = PANEL if columns >= 58 else 0
    room = columns - beside - 1
    left: list[str] = []
    for lines, _ in story[: at + 1]:
        left += [row for line in lines for row in wrapped(plain_line(line), room)]
    fresh = len([row for line in story[at][0] for row in wrapped(plain_line(line), room)])
    left = left[-rows:]
    shown = [f"{row:<{room}}" if not color or place < len(left) - fresh else f"\x1b[1m{row:<{room}}\x1b[0m"
             for place, row in enumerate(left)]  # fmt: skip
    if not beside:
        return shown
    now = story[at][1]
    previous = story[at - 1][1] if at else now
    if now.subject:
        side = subject(previous, now)
    else:
        names = [name for name, _, _ in now.zones]
        zone = names.index("Normal") if "Normal" in names else 0
        before = story[0][1]
        for _, one in story[: at + 1]:
            zone = names.index(one.zone) if one.zone in names else changed_zone(before, one, zone)
            before = one
        side = panel(previous, now, zone)
    shown += [" " * room] * (min(rows, len(side)) - len(shown))
    return [row + (" │" + side[place] if place < len(side) else "") for place, row in enumerate(shown)]


def show(session: Session, story: list[tuple[list[str], Picture]]) -> None:
    """Until q or the end."""
    if not story:
        return
    screen, at, key = Screen(session.color), 0, ""
    with screen.own(), Keyboard() as keys:
        while at < len(story):
            screen.measure()
            lines = frame(story, at, screen.columns, screen.rows - 1, session.color)
            screen.draw(lines, f" event {at + 1}/{len(story)}  {KEYS}")
            key = keys.wait(session, None)
            if key in ("q", "esc", "\x04"):
                return
            if key in ("b", "backspace", "left", "up"):
                at = max(0, at - 1)
            elif key in ("g", "G", "end"):
                at = len(story) - 1
            elif key in (" ", "enter", "right", "down", "n"):
                at += 1
