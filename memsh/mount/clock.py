"""--realtime: the box's clock follows the host's, so that who looks again and again sees time pass.

A tick is a line of the journal (`sleep 1.000000`): what the session did replays and undoes as ever. Nothing ticks while
a line runs; a live screen moves the clock itself.
"""

from __future__ import annotations

import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING

from memsh.mount.serve import turn_of
from memsh.shell.lines import run_deed

if TYPE_CHECKING:
    from memsh.shell.session import Session

TICK = 1.0  # seconds


class Clock:
    """Ticks until `end()`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.turn = turn_of(session)
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True, name="memsh-clock")
        self.thread.start()

    def _run(self) -> None:
        box, begun, start = None, 0.0, 0
        while not self.over.wait(TICK):
            if self.session.box is not box:  # another one (undo, reset): its time goes on from here
                box, begun, start = self.session.box, time.monotonic() - TICK, self.session.box.timer.usec
            behind = start + int((time.monotonic() - begun) * 1_000_000) - box.timer.usec
            if behind <= 0 or self.turn.owner or box.panicked:
                continue
            try:
                run_deed(self.session, f"sleep {behind / 1e6:.6f}", partial(self.session.advance, behind))
            except Exception as error:
                sys.stderr.write(f"memsh: a tick of the clock: {type(error).__name__}: {error}\n")

    def end(self) -> None:
        self.over.set()
        if self.thread is not threading.current_thread():
            self.thread.join(2 * TICK)
