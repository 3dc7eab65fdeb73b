"""A person at a pseudo-terminal: keys go in, an emulator (pyte) shows what the screen has."""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pexpect
import pyte

from tests.paths import REFERENCE

ROOT = REFERENCE.parent.parent
LIMIT = 25.0


class Person:
    """One memsh on a terminal of its own, with a small box unless the arguments say otherwise."""

    def __init__(
        self, home: Path, *arguments: str, columns: int = 80, rows: int = 24, environment: dict[str, str] | None = None
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=5000)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        env = {
            "HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TERM": "xterm-256color",
            "LANG": "C.UTF-8", "PAGER": "cat", **(environment or {}),
        }  # fmt: skip
        argv = ["-m", "memsh", *(arguments or ("--ram", "64M"))]
        self.child = pexpect.spawn(sys.executable, argv, dimensions=(rows, columns), env=env, cwd=str(home))
        self.child.delaybeforesend = None

    def read(self, wait: float = 0.05) -> bool:
        """Take what has been printed, and answer what a terminal is asked for; whether there was anything."""
        try:
            data = self.child.read_nonblocking(65536, timeout=wait)
        except (pexpect.TIMEOUT, pexpect.EOF):
            return False
        self.raw += data
        self.stream.feed(data)
        if b"\x1b[6n" in data:
            self.child.send(f"\x1b[{self.screen.cursor.y + 1};{self.screen.cursor.x + 1}R")
        return True

    @property
    def lines(self) -> list[str]:
        return [line.rstrip() for line in self.screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def until(self, true: Callable[[], object]) -> None:
        end = time.monotonic() + LIMIT
        while not true():
            assert time.monotonic() < end, f"not seen; the screen is\n{self.text}"
            self.read()

    def see(self, text: str) -> None:
        self.until(lambda: text in self.text)

    def at_prompt(self) -> None:
        """The prompt waits, with nothing typed."""
        self.until(lambda: self.lines[self.screen.cursor.y].endswith(">") and "memsh" in
                   self.lines[self.screen.cursor.y])  # fmt: skip

    def type(self, keys: str) -> None:
        self.child.send(keys)

    def enter(self, line: str) -> None:
        self.at_prompt()
        self.type(line + "\r")

    def resize(self, columns: int, rows: int) -> None:
        self.screen.resize(rows, columns)
        self.child.setwinsize(rows, columns)

    def after(self, line: str) -> None:
        """Type a line and wait until it is done: the next prompt is there."""
        self.at_prompt()
        mark = f"done{len(self.raw)}"
        self.type(line + f"; echo {mark[:2]}''{mark[2:]}\r")
        self.see(mark)
        self.at_prompt()

    def leave(self, keys: str = "\x04") -> int:
        """Type Ctrl-D (or another way out) and answer the exit status."""
        if keys:
            self.at_prompt()
            self.type(keys)
        return self.ended()

    def ended(self) -> int:
        """The exit status, once it is gone."""
        end = time.monotonic() + LIMIT
        while self.child.isalive():
            assert time.monotonic() < end, f"still running; the screen is\n{self.text}"
            self.read()
        while self.read():
            pass
        self.child.close()
        assert self.child.exitstatus is not None
        return self.child.exitstatus
