"""The prompt: history, completion, suggestions, colour, and a line below with what the box is doing.

Ctrl-C abandons the line, Ctrl-D on an empty one leaves. A line that is not finished gets another one. Keys beside the
usual ones: C-x C-e opens $EDITOR; F2 hides the bottom line, F3 the suggestions, F4 changes between emacs and vi keys,
F5 hides the picture of `pane`.
"""

from __future__ import annotations

import os
import shutil
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
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.vi_state import InputMode
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import Style

from memsh.shell.errors import Leave, ShellError
from memsh.shell.hostread import read_whole
from memsh.shell.limits import TEXT
from memsh.shell.lines import flush
from memsh.shell.visible import visible
from memsh.teach import slips
from memsh.teach.store import keep_on_disk
from memsh.ui import plain, recall
from memsh.ui.complete import complete
from memsh.ui.fold import CUT, cut, fold
from memsh.ui.lexer import STYLES, LineLexer
from memsh.ui.notices import Notices
from memsh.ui.pane import Pane
from memsh.ui.pasthistory import SafeHistory, open_history
from memsh.ui.progress import for_terminal
from memsh.ui.screen import ErrorSink, ScreenSink
from memsh.ui.settings import Settings, load
from memsh.ui.wide import Wide
from memsh.ui.words import commands_in

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

    def __init__(self, settings: Settings | None = None) -> None:
        settings = settings or Settings()
        self.toolbar = settings.toolbar
        self.suggest = settings.suggestions
        self.pane: Pane | None = None
        self.bindings = KeyBindings()
        add = self.bindings.add
        chosen = has_completions & Condition(_has_choice)
        add("enter", filter=chosen)(_take_choice)
        add("enter", filter=~chosen & has_focus(DEFAULT_BUFFER))(_enter)
        add("f2")(self._toggle_toolbar)
        add("f3")(self._toggle_suggest)
        add("f4")(_toggle_editing)
        add("f5")(self._toggle_pane)

    def _toggle_toolbar(self, event: KeyPressEvent) -> None:
        self.toolbar = not self.toolbar

    def _toggle_pane(self, event: KeyPressEvent) -> None:
        if self.pane is not None:
            self.pane.shown = not self.pane.shown

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


def start_up(session: Session, options: Any, settings: Settings) -> None:
    """Run the person's start-up commands: those of the settings, then rc.memsh beside them. --no-rc leaves them out."""
    for number, line in enumerate(settings.run, 1):
        with session.taking_interrupts(), session.long():
            session.run(line, f"start-up command {number}")
    if options is None or "--no-rc" not in options.flags:
        from platformdirs import user_config_path  # start-up: 4 ms, where a file of the user's is looked for

        path = user_config_path("memsh") / "rc.memsh"
        try:
            text = read_whole(path, TEXT).decode("utf-8", "replace")
        except FileNotFoundError:
            text = ""
        except OSError as error:
            sys.stderr.write(f"memsh: {path}: {error.strerror}; start-up commands left out\n")
            text = ""
        if text:
            with session.taking_interrupts(), session.long():
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


def make_prompt(session: Session, keys: Keys, history: History, settings: Settings | None = None,
                wide: Wide | None = None) -> PromptSession[str]:  # fmt: skip
    """The prompt_toolkit session."""
    settings = settings or Settings()
    if wide is not None:
        wide.bind(keys.bindings)

    def toolbar() -> StyleAndTextTuples | None:
        size = get_app().output.get_size()
        if keys.pane is not None and keys.pane.size[0] not in (0, size.columns):
            keys.pane.follow(size.columns, size.rows)
        picture = keys.pane.text(size.columns, session.color) if keys.pane is not None else []
        if not keys.toolbar:
            return [*picture[:-1], (picture[-1][0], picture[-1][1].rstrip("\n"))] if picture else None
        hint = wide.hint() if wide is not None else ""
        return [*picture, ("", fitted(hint + toolbar_text(session), vi_mode(), size.columns))]

    typing = settings.menu == "typing"
    return PromptSession(
        history=history,
        completer=LineCompleter(session),
        complete_while_typing=typing,
        enable_history_search=not typing,
        auto_suggest=ConditionalAutoSuggest(AutoSuggestFromHistory(), Condition(lambda: keys.suggest)),
        lexer=LineLexer(session),
        style=STYLE if session.color else None,
        color_depth=None if session.color else ColorDepth.DEPTH_1_BIT,
        include_default_pygments_style=False,
        key_bindings=keys.bindings,
        bottom_toolbar=toolbar,
        editing_mode=EditingMode.VI if settings.editing == "vi" else EditingMode.EMACS,
        multiline=True,
        prompt_continuation="> ",
        enable_open_in_editor=True,
        tempfile_suffix=".memsh",
        reserve_space_for_menu=6,
    )


def vi_mode() -> str:
    """`vi` and what its keys do now; "" with emacs keys."""
    app = get_app()
    if app.editing_mode != EditingMode.VI:
        return ""
    return "vi insert" if app.vi_state.input_mode == InputMode.INSERT else "vi command"


HINTS = ("F2 hide", "F3 suggestions", "F4 vi/emacs", "Tab completes")


def fitted(text: str, mode: str, columns: int) -> str:
    """The line below, with as many hints as there is room for."""
    line = f" {text}"
    for part in ([mode] if mode else []) + list(HINTS):
        if len(line) + 2 + len(part) >= columns:
            break
        line += f"  {part}"
    return line if len(line) < columns else cut(line, max(2, columns - 1)).text.rstrip(" ,:") + CUT


def run_typed(session: Session, text: str) -> bool:
    """Run what a person typed, `!!` and its like filled in first; False if they were not there to be filled in."""
    try:
        whole = recall.expand(text, session.journal)
    except ShellError as error:
        sys.stderr.write(f"memsh: {error.message}\n")
        session.last_status = 1
        return False
    if whole != text:
        sys.stdout.write(visible(whole) + "\n")
        sys.stdout.flush()
    session.history.append(whole)
    with session.taking_interrupts(), session.long():
        if slips.would_panic(session, commands_in(session.registry, whole), whole + "\n"):
            session.stderr.write(slips.SAID)
            session.last_status = 1
            return True
        session.run(whole + "\n")
    return True


def interact(session: Session, options: Any = None) -> int:
    """Read and run lines until Ctrl-D or exit; answers the last status. A dumb terminal gets the plain prompt."""
    settings, complaint = Settings(), ""
    if options is None or "--no-rc" not in options.flags:
        settings, complaint = load(options.last("--config") if options is not None else "")
    apply(session, options, settings)
    if os.environ.get("TERM", "dumb") == "dumb":
        sys.stderr.write(complaint)
        try:
            start_up(session, options, settings)
        except Leave as leave:
            return leave.status
        return plain.interact(session, options)
    name = options.last("--history-file") if options is not None else ""
    history, trouble = open_history(name or settings.history_file, settings.history_size)
    columns = shutil.get_terminal_size().columns
    sys.stdout.write("".join(row + "\n" for line in plain.first_screen(session).splitlines()
                             for row in fold(line, columns)))  # fmt: skip
    if isinstance(history, SafeHistory) and session.box is not None and not Path(str(history.filename)).stat().st_size:
        sys.stdout.write("Here for the first time? Type tour, and press Enter.\n")
    sys.stderr.write(complaint + trouble)
    sys.stdout.flush()
    current = getattr(session.box, "current", None)
    session.first_process = current.pid if current is not None else None  # type: ignore[attr-defined]
    screen = ScreenSink(sys.stdout, session.color, session)
    screen.pager = settings.pager
    session.stdout, session.stderr = screen, ErrorSink(sys.stderr, screen, session.poll)
    session.after_command.insert(0, lambda _session, _runner: screen.ended())
    if settings.progress:
        for_terminal(session)
    try:
        start_up(session, options, settings)
        wide = Wide(session, screen, not settings.width and (options is None or "--width" not in options.values))
        keys = Keys(settings)
        keys.pane = Pane(session)
        status = _lines(session, make_prompt(session, keys, history, settings, wide), history, wide, keys.pane)
    except Leave as leave:
        status = leave.status
    flush(session)
    sys.stdout.write(plain.goodbye(session))
    return status


def apply(session: Session, options: Any, settings: Settings) -> None:
    """Settings that the command line did not decide."""
    if settings.color == "off":
        session.color = False
    if settings.width and (options is None or "--width" not in options.values):
        session.width = settings.width
    if settings.journal:
        keep_on_disk(session)


def _lines(session: Session, prompt: PromptSession[str], history: History, wide: Wide, pane: Pane) -> int:
    """Every line until the end; the status."""
    if isinstance(history, SafeHistory):
        history.expanded = lambda text: _expanded(session, text)
    notices = Notices()
    while True:
        if session.pane or pane.rows:
            size = shutil.get_terminal_size()
            pane.follow(size.columns, size.lines)
        try:
            text = prompt.prompt(prompt_text(session))
        except KeyboardInterrupt:
            continue
        except EOFError:
            return session.last_status
        if not text.strip():
            continue
        wide.begin()
        try:
            run_typed(session, text)
            session.stderr.write(notices.since(session))
        finally:
            flush(session)


def _expanded(session: Session, text: str) -> str:
    try:
        return recall.expand(text, session.journal)
    except ShellError:
        return text


main = interact
