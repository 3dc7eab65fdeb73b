"""slabtop, top and watch as live screens: what they show and what their keys do.

Known deviations: top has one window and the keys that its help names; P, M, N, T sort as the real one's; watch
repeats whole refreshes by the box's clock, so -p changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from memsh.digits import is_digits
from memsh.procps import slabtop as procps_slabtop
from memsh.procps import top as procps_top
from memsh.procps.reader import ProcReader
from memsh.shell.live import DRAW, LEAVE, REFRESH, Ask, View

if TYPE_CHECKING:
    from memsh.procps.slabs import Cache
    from memsh.shell.io import IO


class SlabtopView(View):
    """The caches, sorted by the key typed last; any other key refreshes, as slabtop's does."""

    heading = 6

    def __init__(self, reader: ProcReader, delay: int, key: str) -> None:
        self.reader, self.delay, self.sort = reader, float(delay), key
        self.found: list[Cache] = []

    def refresh(self) -> None:
        self.found = procps_slabtop.read(self.reader)

    def text(self, width: int, rows: int) -> str:
        return procps_slabtop.screen(self.found, self.sort, max(rows, 9))

    def key(self, key: str) -> str | Ask:
        if key in ("q", "Q"):
            return LEAVE
        letter = key.lower()
        if letter in procps_slabtop.SORT_KEYS or letter == "n":
            self.sort = letter
            return DRAW
        return REFRESH if len(key) == 1 else ""

    def row_key(self, line: str) -> str:
        if line.startswith((" Active", " Minimum")):
            return line[:36]
        return line.split()[-1] if "%" in line else ""


HELP = """Help for interactive commands

  q         leave
  space     refresh now
  P M N T   sort by %CPU, memory, PID, time
  R         the other way round
  c         command line or name
  i         hide idle processes
  S         time of the dead children too
  e E       units of the table, of the summary
  u         one user's processes
  n         how many processes
  d s       the delay between two screens
  k         send a signal to a process
  < >       sort by the column to the left, to the right
  left right  scroll sideways

Press any key to go on
"""
UNITS = "kmgtpe"


class TopView(View):
    """Processes; the keys that people know."""

    heading = 6
    message_row = 5

    def __init__(self, io: IO, reader: ProcReader, settings: procps_top.Settings) -> None:
        self.io, self.settings = io, settings
        self.sampler = procps_top.Sampler(reader, settings)
        self.delay = settings.delay
        self.most = 0
        self.helping = False
        self.turn = 0
        self.pid = 0

    def refresh(self) -> None:
        self.sampler.sample()
        self.turn += 1
        if self.settings.loops and self.turn > self.settings.loops:
            self.status = 0

    def text(self, width: int, rows: int) -> str:
        if self.helping:
            return HELP
        self.settings.width = max(width, 80)
        lines = self.sampler.text().split("\n")
        self.heading = next((number for number, line in enumerate(lines) if line.lstrip().startswith("PID ")), -1)
        self.message_row = max(0, self.heading - 1)
        if self.most:
            del lines[self.heading + 1 + self.most :]
        return "\n".join(lines)

    def row_key(self, line: str) -> str:
        words = line.split()
        if not words or line.startswith("top -"):
            return ""
        return words[0] if is_digits(words[0]) else super().row_key(line)

    def key(self, key: str) -> str | Ask:
        settings = self.settings
        if self.helping:
            self.helping = False
            return DRAW
        if key in ("q", "Q"):
            return LEAVE
        sorts = {"P": "%CPU", "M": "%MEM", "N": "PID", "T": "TIME+"}
        toggles = {"R": "rising", "c": "full", "i": "hide_idle", "S": "cumulative"}
        if key in sorts:
            settings.key = sorts[key]
        elif key in toggles:
            setattr(settings, toggles[key], not getattr(settings, toggles[key]))
        elif key in ("h", "?"):
            self.helping = True
        elif key == "e":
            settings.task_unit = (settings.task_unit + 1) % 5
        elif key == "E":
            settings.unit = UNITS[(UNITS.index(settings.unit) + 1) % 6]
        elif key in ("<", ">"):
            names = list(dict.fromkeys(name for name in procps_top.KEYS if name != "TIME"))
            at = names.index(settings.key) + (1 if key == ">" else -1)
            settings.key = names[min(max(at, 0), len(names) - 1)]
        elif key in ("d", "s"):
            return Ask(f"Change delay from {settings.delay:.1f} to", self.message_row, self._delay)
        elif key == "n":
            return Ask(f"Set max number of tasks (0 = unlimited) from {self.most} to", self.message_row, self._most)
        elif key == "u":
            return Ask("Which user (blank for all)", self.message_row, self._user)
        elif key == "k":
            self.pid = self.sampler.rows[0].one.pid if self.sampler.rows else 1
            return Ask(f"PID to signal/kill [default pid = {self.pid}]", self.message_row, self._kill)
        elif key in (" ", "enter"):
            return REFRESH
        else:
            return ""
        return DRAW

    def _delay(self, text: str) -> str:
        if not text:
            return ""
        if not re.fullmatch(r"[0-9]*\.?[0-9]*", text) or not any(map(is_digits, text)):
            return "Unacceptable floating point"
        self.settings.delay = self.delay = min(max(float(text), 0.1), 86400.0)
        return ""

    def _most(self, text: str) -> str:
        if text and not is_digits(text):
            return "Unacceptable integer"
        self.most = int(text or "0")
        return ""

    def _user(self, text: str) -> str:
        if text and text != "root" and not is_digits(text):
            return "Invalid user"
        self.settings.user = None if not text else 0 if text == "root" else int(text)
        return ""

    def _kill(self, text: str) -> str:
        words = text.split() or [str(self.pid)]
        if not is_digits(words[0]) or len(words) > 2:
            return "Unacceptable integer"
        line = f"kill {'-' + words[1].lstrip('-') + ' ' if len(words) > 1 else ''}{words[0]}"
        said: list[str] = []
        status = self.io.run(line.split(), sink=_Said(said))
        if status == 0:
            self.ran = line
            return ""
        return f"Failed signal pid '{words[0]}' with '{words[1] if len(words) > 1 else '15'}'"


class _Said:
    """Takes what a command prints beside the screen."""

    def __init__(self, parts: list[str]) -> None:
        self.parts = parts

    def write(self, text: str) -> None:
        self.parts.append(text)


class WatchView(View):
    """A command's output; with -d what changed is marked, with -d=permanent what ever changed."""

    def __init__(
        self, run: Callable[[], tuple[str, int, str]], heading: Callable[[int], str], options: dict[str, Any]
    ) -> None:
        self.run, self.title, self.options = run, heading, options
        self.delay = options["n"]
        self.marks = bool(options["d"])
        self.permanent = options["d"] == "permanent"
        self.shown = ""
        self.turn = self.same = 0

    def refresh(self) -> None:
        shown, status, self.ran = self.run()
        options, before = self.options, self.shown
        self.turn += 1
        if options["e"] and status:
            self.status = 8
        if self.turn > 1:
            self.same = self.same + 1 if shown == before else 0
            if options["g"] and shown != before:
                self.status = 0
            if options["q"] and self.same >= options["q"]:
                self.status = 0
        self.shown = shown
        if options["count"] and self.turn >= options["count"]:
            self.status = status

    def text(self, width: int, rows: int) -> str:
        return (self.title(width) + "\n\n" if self.options["title"] else "") + self.shown

    def key(self, key: str) -> str | Ask:
        return LEAVE if key in ("q", "Q") else REFRESH if key == " " else ""

    def row_key(self, line: str) -> str:
        return "" if line.startswith("Every ") else "row"
