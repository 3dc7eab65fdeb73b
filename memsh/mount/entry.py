"""`memsh mount DIR [SCRIPT]` and `memsh enter [-- PROGRAM …]`, and what `--mount` and `--realtime` add to a prompt."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from memsh.mount.clock import Clock
from memsh.mount.namespace import Door, at_prompt
from memsh.mount.place import private_folder
from memsh.mount.serve import Mount
from memsh.mount.server import Server
from memsh.shell.errors import ShellError

if TYPE_CHECKING:
    from memsh.shell.session import Session

DONE = "memsh: {}: the box is no longer mounted\n"


class _Stop(Exception):
    """SIGTERM, SIGINT or SIGHUP came."""


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise _Stop


def need_box(session: Session) -> None:
    if session.box is None:
        raise ShellError("needs a kernel, and --proc has none: it reads a recorded /proc", 2)


def serve(session: Session, folder: str, allow_other: bool, realtime: bool) -> int:
    """Serve the box at `folder` until it is unmounted, or a signal says to stop. Answers 0."""
    need_box(session)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _stop)
    mount = Mount(session, folder, allow_other)
    room = private_folder()
    server = Server(session, room / "socket")
    clock = Clock(session) if realtime else None
    try:
        sys.stderr.write(f"memsh: the box is at {folder}; umount or Ctrl-C ends it (MEMSH_SOCKET={server.path})\n")
        sys.stderr.flush()
        mount.ended.wait()
    except _Stop:
        pass
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        if clock is not None:
            clock.end()
        server.end()
        mount.end()
        room.rmdir()
    return 0


def enter(session: Session, words: list[str], write: list[str], save: str, allow_other: bool, realtime: bool) -> int:
    """Run a program in the box's namespace; its status."""
    need_box(session)
    for number, folder in enumerate(write):
        if not Path(folder).is_dir():
            raise ShellError(f"--write: {folder}: is not a directory", 2)
        write[number] = os.path.realpath(folder)
    door = Door(session, allow_other)
    clock = Clock(session) if realtime else None
    try:
        return door.run(words or [os.environ.get("SHELL", "/bin/sh")], write)
    finally:
        if clock is not None:
            clock.end()
        door.end()
        if save:
            session.run(f"save {shlex.quote(str(Path(save).absolute()))}")


@contextmanager
def beside(session: Session, folder: str, allow_other: bool, realtime: bool) -> Iterator[None]:
    """While the session lasts: the mount, the clock, and for a prompt `! PIPELINE`."""
    ends: list[Callable[[], object]] = []
    try:
        if folder:
            need_box(session)
            for number in (signal.SIGTERM, signal.SIGHUP):  # else libfuse takes them
                if signal.getsignal(number) == signal.SIG_DFL:
                    signal.signal(number, _leave)
            ends.append(Mount(session, folder, allow_other).end)
        if realtime:
            need_box(session)
            ends.append(Clock(session).end)
        session.host_line = at_prompt(session, lambda door: ends.append(door.end))
        yield
    finally:
        for end in reversed(ends):
            end()


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
