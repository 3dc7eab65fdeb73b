"""A prompt with nothing but the standard library, and the first screen."""

from __future__ import annotations

import contextlib
import sys
from typing import Any

from memsh.linux.config import ARCHES
from memsh.shell.errors import Incomplete, Leave, ShellError, SyntaxFault
from memsh.shell.parse import parse
from memsh.shell.session import Session
from memsh.shell.visible import visible
from memsh.teach import slips
from memsh.ui import recall
from memsh.ui.notices import Notices
from memsh.ui.words import commands_in


def first_screen(session: Session) -> str:
    """Seven lines: RAM and zones, the current process, five things to try."""
    box = session.box
    if box is None:
        return "memsh without a kernel: cat, ls and the tools read the recorded /proc.\n"
    zones = [zone for zone in box.pages.zones if zone.present]
    listed = ", ".join(f"{zone.name} {zone.present >> 8} MiB" for zone in zones)
    current = box.current
    other = next(arch for arch in ARCHES.values() if arch is not box.arch)
    return (
        f"memsh: Linux 6.1, {box.arch.name}, {box.config.ram >> 20} MiB: {listed}\n"
        f"You are process {current.pid}, {current.comm}.\n"
        "  malloc 200k            then: areas\n"
        "  cat /proc/buddyinfo    then: alloc_pages 4; diff /proc/buddyinfo\n"
        "  lesson article         the whole story; tour: seven screens for the first minute\n"
        f"  {f'reset --arch {other.name}':<22} a machine of {other.word * 8} bits; lesson sixtyfour compares\n"
        "  help                   every command, by topic; exit or Ctrl-D leaves\n"
    )


def prompt_text(session: Session) -> str:
    return "memsh(plain)> " if getattr(session.box, "plain", False) else "memsh> "


def goodbye(session: Session) -> str:
    """How the session can be brought back, "" if there is nothing to bring back."""
    store = session.timeline.store if session.timeline is not None else None
    if store is None or not store.written:
        return ""
    store.close()
    return f"memsh --resume {store.name} brings this session back\n"


def is_incomplete(text: str) -> bool:
    """Whether a prompt should ask for another line."""
    try:
        parse(text)
    except Incomplete:
        return True
    except SyntaxFault:
        return False
    return False


def interact(session: Session, options: Any) -> int:
    """Read lines until the end of input; answers the last status."""
    with contextlib.suppress(ImportError):
        import readline  # noqa: F401  -- it gives input() its line editing, and may be missing
    sys.stdout.write(first_screen(session))
    pending, notices = "", Notices()
    while True:
        try:
            line = input("> " if pending else prompt_text(session))
        except EOFError:
            sys.stdout.write("\n" + goodbye(session))
            return session.last_status
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            pending = ""
            continue
        pending += line + "\n"
        if not line.strip() and pending.strip() == "":
            pending = ""
            continue
        if is_incomplete(pending):
            continue
        try:
            whole = recall.expand(pending, session.journal)
        except ShellError as error:
            sys.stderr.write(f"memsh: {error.message}\n")
            session.last_status, pending = 1, ""
            continue
        if whole != pending:
            sys.stdout.write(visible(whole))
        pending = ""
        session.history.append(whole.rstrip("\n"))
        try:
            with session.taking_interrupts():
                if slips.would_panic(session, commands_in(session.registry, whole), whole):
                    session.stderr.write(slips.SAID)
                    session.last_status = 1
                else:
                    session.run(whole)
                    session.stderr.write(notices.since(session))
        except Leave as leave:
            sys.stdout.write(goodbye(session))
            return leave.status
