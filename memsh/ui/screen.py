"""Finished text on its way to a terminal: coloured, and paged when one piece is longer than the screen.

Nothing but the last stage of a pipe comes here, so that pipes, files and scripts see plain text. The colours are
rich's; the text itself is never changed, only styled.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from contextlib import nullcontext
from typing import TYPE_CHECKING, TextIO

from memsh.shell.io import HostSink
from memsh.shell.visible import visible

if TYPE_CHECKING:
    from rich.style import Style

    from memsh.ui.progress import Progress

PATTERNS = (
    (re.compile(r"^[A-Z][\w()]*:(?=\s)"), "cyan"),  # the labels of meminfo, status, smaps
    (re.compile(r"\[(?:heap|stack|vdso|vvar|rollup)\]"), "green"),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{8}\b"), "yellow"),  # the ranges of maps
    (re.compile(r"\b0x[0-9a-f]+\b"), "yellow"),
    (re.compile(r"^\$\d+(?= = )"), "bold"),
    (re.compile(r"\b\d+(?= kB$)"), "bold"),
    (re.compile(r"^(?:Node \d+, zone +\w+|#? ?name +<active_objs>.*|slabinfo - version.*)"), "cyan"),
    (re.compile(r"^ *(?:PID|USER|UID|F) .*(?:CMD|COMMAND)$"), "reverse"),
    (re.compile(r"^  OBJS ACTIVE .*$"), "reverse"),
    (re.compile(r"^(?:procs -|--procs| r  b |   r    b ).*$"), "cyan"),
    (re.compile(r"^ {15}total +used.*$"), "cyan"),
    (re.compile(r"^(?:Mem|Low|High|Swap|Total|Comm):(?= )"), "cyan"),
    (re.compile(r"\b(?:Segmentation fault|Out of memory|BUG:|invoked oom-killer)"), "bold red"),
    (re.compile(r"^~ .*$"), "dim"),  # the line of `delta`
)


class Painter:
    """Styles whole lines; loads rich when the first line comes."""

    def __init__(self) -> None:
        self.styles: dict[str, Style] = {}

    def paint(self, line: str) -> str:
        """The line with its escapes; the same text without them."""
        spans: list[tuple[int, int, str]] = []
        taken = 0
        for pattern, name in PATTERNS:
            for match in pattern.finditer(line):
                spans.append((match.start(), match.end(), name))
        if not spans or "\x1b" in line:
            return line
        parts = []
        for start, end, name in sorted(spans):
            if start < taken or start == end:
                continue
            parts.append(line[taken:start])
            parts.append(self._style(name).render(line[start:end]))
            taken = end
        return "".join(parts) + line[taken:]

    def _style(self, name: str) -> Style:
        if name not in self.styles:
            from rich.style import Style

            self.styles[name] = Style.parse(name)
        return self.styles[name]


class ScreenSink(HostSink):
    """The terminal as the last stage of a person's command. `color` may be off; `rows` is asked for anew each time."""

    def __init__(self, stream: TextIO, color: bool) -> None:
        super().__init__(stream)
        self.color = color
        self.painter = Painter()
        self.pending = ""
        self.pager = "auto"  # auto ($PAGER, or less), off, or a command
        self.progress: Progress | None = None

    def write(self, text: str) -> None:
        if self.pager != "off" and text.count("\n") >= shutil.get_terminal_size().lines and self._page(visible(text)):
            return
        if not self.color:
            super().write(text)
            return
        text = visible(text)
        *lines, self.pending = (self.pending + text).split("\n")
        if lines:
            self._put("".join(self.painter.paint(line) + "\n" for line in lines))

    def flush(self) -> None:
        self.settle()
        super().flush()

    def settle(self) -> None:
        """Write what is left of a line that has no end yet."""
        if self.pending:
            line, self.pending = self.pending, ""
            self._put(self.painter.paint(line) if self.color else line)

    def _page(self, text: str) -> bool:
        """Show a long text through $PAGER (less); False if there is none."""
        try:
            words = shlex.split(os.environ.get("PAGER") or "less -FRX" if self.pager == "auto" else self.pager)
        except ValueError:
            return False
        if not words or self.aside or shutil.which(words[0]) is None:
            return False
        self.settle()
        self.stream.flush()
        whole = text
        if self.color:
            whole = "\n".join(self.painter.paint(line) for line in text.split("\n"))
        environment = {**os.environ, "LESS": os.environ.get("LESS", "FRX")}
        with self.progress.held() if self.progress is not None else nullcontext():
            try:
                subprocess.run(words, input=whole.encode("utf-8", "surrogateescape"), check=False, env=environment)
            except OSError:
                return False
            except KeyboardInterrupt:
                return True
        return True
