"""A session's box, mounted and spoken to, in threads beside the one that runs lines."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from memsh.mount import place
from memsh.mount.filesystem import BoxFiles, interrupted_by
from memsh.shell.errors import ShellError
from memsh.shell.turn import Turn

if TYPE_CHECKING:
    from memsh.shell.session import Session

THREADS, IDLE = 512, 8
PATIENCE = 10.0  # seconds until a mount must be there


def turn_of(session: Session) -> Turn:
    """The session's order of turns, begun where it is missing."""
    if session.turn is None:
        session.turn = Turn(session)
    return session.turn


class Mount:
    """`folder` shows the box until `end()`, or until somebody unmounts it: `ended` is set then."""

    def __init__(self, session: Session, folder: str, allow_other: bool = False) -> None:
        place.needs()
        self.made = place.prepare(folder)
        self.folder = os.path.realpath(folder)
        self.session = session
        self.allow_other = allow_other
        self.ready, self.ended = threading.Event(), threading.Event()
        self.failure = ""
        with suppress(ValueError):  # not the main thread: its own affair
            # libfuse wakes a thread with it whose reader was interrupted; programs that are started do not inherit it
            signal.signal(signal.SIGUSR1, lambda _number, _frame: None)
        self.cwd = str(Path.cwd())  # libfuse goes to /
        self.thread = threading.Thread(target=self._serve, daemon=True, name="memsh-mount")
        self.thread.start()
        self._wait()

    def _serve(self) -> None:
        import mfusepy  # start-up: 15 ms, and may be missing


        files = BoxFiles(self.session, turn_of(self.session), interrupted_by(mfusepy._libfuse), self.ready.set)
        options: dict[str, object] = {"allow_other": True} if self.allow_other else {}
        if mfusepy._libfuse.fuse_version() >= 312:
            options["max_threads"] = THREADS  # readers that wait for something hold one each
        if shutil.which("fusermount3"):
            options["auto_unmount"] = True
        try:
            mfusepy.FUSE(
                files, self.folder, raw_fi=True, foreground=True, fsname="memsh", subtype="memsh", use_ino=True,
                intr=True, max_idle_threads=IDLE, attr_timeout=0, entry_timeout=0, negative_timeout=0, **options,
            )  # fmt: skip
        except RuntimeError as error:
            self.failure = f"libfuse3 could not mount it (status {error})"
        finally:
            self.ended.set()

    def _wait(self) -> None:
        """Until the mount is there. ShellError if it does not come."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and not self.ended.is_set():
            if self.ready.wait(0.05):
                os.chdir(self.cwd)
                return
        hint = "; user_allow_other must stand in /etc/fuse.conf" if self.allow_other and os.geteuid() else ""
        raise ShellError(f"{self.folder}: {self.failure or 'the mount did not come'}{hint}")

    def end(self) -> None:
        """Unmount, and take away the folder if it was made for this."""
        if not self.ended.is_set():
            place.unmount(self.folder)
            self.ended.wait(PATIENCE)
        if self.made:
            with suppress(OSError):
                Path(self.folder).rmdir()
