"""The player's shell to try things in: the usual prompt on the lesson's box, until Ctrl-D."""

from __future__ import annotations

import sys

from prompt_toolkit.history import InMemoryHistory

from memsh.shell.errors import Leave
from memsh.shell.lines import flush
from memsh.shell.session import Session
from memsh.ui.prompt import Keys, make_prompt, prompt_text
from memsh.ui.screen import ErrorSink, ScreenSink


def interact(session: Session, place: str, color: bool) -> None:
    """Read and run lines until Ctrl-D or exit. What was printed before and the streams are as they were afterwards."""
    kept = session.stdout, session.stderr, session.is_tty, session.color
    screen = ScreenSink(sys.stdout, color)
    errors = ErrorSink(sys.stderr, screen, session.poll)
    session.stdout, session.stderr, session.is_tty, session.color = screen, errors, True, color
    sys.stdout.write(f"Try what you like: the lesson's box is a copy. Ctrl-D goes back to {place}.\n")
    prompt = make_prompt(session, Keys(), InMemoryHistory())
    try:
        while True:
            try:
                text = prompt.prompt("try " + prompt_text(session))
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            if not text.strip():
                continue
            try:
                with session.taking_interrupts():
                    session.run(text + "\n")
            except Leave:
                return
            finally:
                flush(session)
    finally:
        session.stdout, session.stderr, session.is_tty, session.color = kept
