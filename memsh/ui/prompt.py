"""The prompt: history, completion, suggestions, colour, and a line below with what the box is doing.

Ctrl-C abandons the line, Ctrl-D on an empty one leaves. A line that is not finished gets another one. Keys beside the
usual ones: C-x C-e opens $EDITOR; F2 hides the bottom line, F3 the suggestions, F4 changes between emacs and vi keys.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application.current import get_app
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory, ConditionalAutoSuggest
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER, EditingMode
from prompt_toolkit.filters import Condition, has_completions, has_focus
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from memsh.shell.errors import Leave
from memsh.shell.io import HostSink
from memsh.shell.run import flush
from memsh.ui import plain
from memsh.ui.complete import complete
from memsh.ui.lexer import STYLES, LineLexer
from memsh.ui.screen import ScreenSink

if TYPE_CHECKING:
    from memsh.shell.session import Session

STYLE = Style.from_dict(
    {f"line.{role}": style for role, style in STYLES.items()} | {"bottom-toolbar": "noreverse ansibrightblack"}
)


class LineCompleter(Completer):
    """prompt_toolkit's view of memsh.ui.complete."""

    def __init__(self, session: Session) -> None:
        self.session = session

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        before = document.text_before_cursor
        for candidate in complete(self.session, before):
            shown = candidate.text.rstrip("/").rpartition("/")[2] + ("/" if candidate.text.endswith("/") else "")
            ended = "" if candidate.text.endswith("/") else candidate.text
            yield Completion(
                ended or candidate.text,
                start_position=candidate.start - len(before),
                display=shown or candidate.text,
                display_meta=candidate.meta,
            )


class Keys:
    """The switches that F-keys turn, and the bindings."""

    def __init__(self) -> None:
        self.toolbar = True
        self.suggest = True
        self.bindings = KeyBindings()
        add = self.bindings.add
        chosen = has_completions & Condition(_has_choice)
        add("enter", filter=chosen)(_take_choice)
        add("enter", filter=~chosen & has_focus(DEFAULT_BUFFER))(_enter)
        add("f2")(self._toggle_toolbar)
        add("f3")(self._toggle_suggest)
        add("f4")(_toggle_editing)

    def _toggle_toolbar(self, event: KeyPressEvent) -> None:
        self.toolbar = not self.toolbar

    def _toggle_suggest(self, event: KeyPressEvent) -> None:
        self.suggest = not self.suggest


def _has_choice() -> bool:
    state = get_app().current_buffer.complete_state
    return state is not None and state.current_completion is not None


def _take_choice(event: KeyPressEvent) -> None:
    """Enter on a chosen entry takes it into the line and runs nothing."""
    event.current_buffer.complete_state = None


def _enter(event: KeyPressEvent) -> None:
    buffer = event.current_buffer
    if buffer.text.strip() and plain.is_incomplete(buffer.text + "\n"):
        buffer.insert_text("\n")
    else:
        buffer.validate_and_handle()


def _toggle_editing(event: KeyPressEvent) -> None:
    app = event.app
    app.editing_mode = EditingMode.EMACS if app.editing_mode == EditingMode.VI else EditingMode.VI


class SafeHistory(FileHistory):
    """A history file whose trouble is told once and then lived without."""

    def __init__(self, filename: str) -> None:
        super().__init__(filename)
        self.broken = False

    def load_history_strings(self) -> Iterable[str]:
        try:
            return list(super().load_history_strings())
        except OSError:
            return []

    def store_string(self, string: str) -> None:
        if self.broken:
            return
        try:
            super().store_string(string)
        except OSError as error:
            self.broken = True
            sys.stderr.write(f"memsh: {self.filename!s}: {error.strerror}; the history is kept in memory only\n")


def open_history(name: str) -> tuple[History, str]:
    """The history and a complaint (empty if all is well). `name` is --history-file, "" for the usual place."""
    if not name:
        from platformdirs import user_state_path

        path = user_state_path("memsh") / "history"
    else:
        path = Path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with path.open("ab"):
            pass
    except OSError as error:
        return InMemoryHistory(), f"memsh: {path}: {error.strerror}; the history is kept in memory only\n"
    return SafeHistory(str(path)), ""


def start_up(session: Session, options: Any) -> None:
    """Run the person's start-up commands: rc.memsh in the configuration folder. --no-rc leaves them out."""
    if options is not None and "--no-rc" in options.flags:
        return
    from platformdirs import user_config_path

    path = user_config_path("memsh") / "rc.memsh"
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return
    except OSError as error:
        sys.stderr.write(f"memsh: {path}: {error.strerror}; start-up commands left out\n")
        return
    with session.taking_interrupts():
        session.run(text, str(path))
    flush(session)


def prompt_text(session: Session) -> str:
    """`memsh> `, `memsh(plain)> `, with the process's name in front when it is not the one that the box began with."""
    text = plain.prompt_text(session)
    current = getattr(session.box, "current", None)
    first = getattr(session, "first_process", None)
    if current is None or first is None or current.pid == first:
        return text
    return f"{current.comm}[{current.pid}] {text}"


def toolbar_text(session: Session) -> str:
    """The current process with its resident size, and what is free in each zone."""
    box = session.box
    if box is None:
        return "no kernel: a recorded /proc"
    parts = []
    current = getattr(box, "current", None)
    if current is not None:
        mm = getattr(current, "mm", None)
        resident = f" RSS {sum(mm.rss[at] for at in (0, 1, 3)) * 4} kB" if mm is not None else ""
        parts.append(f"{current.comm} {current.pid}{resident}")
    pages = getattr(box, "pages", None)
    if pages is not None:
        free = ", ".join(f"{zone.name} {_megabytes(zone.nr_free)}" for zone in pages.zones if zone.present)
        parts.append(f"free: {free}")
    return "  ".join(parts)


def _megabytes(pages: int) -> str:
    return f"{pages * 4} KiB" if pages < 2560 else f"{pages >> 8} MiB"


def make_prompt(session: Session, keys: Keys, history: History) -> PromptSession[str]:
    """The prompt_toolkit session."""

    def toolbar() -> StyleAndTextTuples | None:
        if not keys.toolbar:
            return None
        return [("", f" {toolbar_text(session)}   F2 hide  F3 suggestions  F4 vi/emacs  Tab completes")]

    return PromptSession(
        history=history,
        completer=LineCompleter(session),
        complete_while_typing=False,
        enable_history_search=True,
        auto_suggest=ConditionalAutoSuggest(AutoSuggestFromHistory(), Condition(lambda: keys.suggest)),
        lexer=LineLexer(session),
        style=STYLE if session.color else None,
        color_depth=None if session.color else ColorDepth.DEPTH_1_BIT,
        include_default_pygments_style=False,
        key_bindings=keys.bindings,
        bottom_toolbar=toolbar,
        multiline=True,
        prompt_continuation="> ",
        enable_open_in_editor=True,
        tempfile_suffix=".memsh",
        reserve_space_for_menu=6,
    )


def interact(session: Session, options: Any = None) -> int:
    """Read and run lines until Ctrl-D or exit; answers the last status. A dumb terminal gets the plain prompt."""
    if os.environ.get("TERM", "dumb") == "dumb":
        return plain.interact(session, options)
    history, complaint = open_history(options.last("--history-file") if options is not None else "")
    sys.stdout.write(plain.first_screen(session))
    sys.stderr.write(complaint)
    sys.stdout.flush()
    current = getattr(session.box, "current", None)
    session.first_process = current.pid if current is not None else None  # type: ignore[attr-defined]
    screen = ScreenSink(sys.stdout, session.color)
    session.stdout, session.stderr = screen, HostSink(sys.stderr, screen)
    try:
        start_up(session, options)
    except Leave as leave:
        return leave.status
    prompt = make_prompt(session, Keys(), history)
    while True:
        try:
            text = prompt.prompt(prompt_text(session))
        except KeyboardInterrupt:
            continue
        except EOFError:
            return session.last_status
        if not text.strip():
            continue
        session.history.append(text)
        try:
            with session.taking_interrupts():
                session.run(text + "\n")
        except Leave as leave:
            return leave.status
        finally:
            flush(session)


main = interact
