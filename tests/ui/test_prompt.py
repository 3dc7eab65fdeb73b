"""The words of the prompt and of the line below it, and the history's file."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from prompt_toolkit.history import InMemoryHistory

from memsh.shell.io import Input
from memsh.shell.session import Session
from memsh.ui.prompt import SafeHistory, open_history, prompt_text, toolbar_text


@pytest.fixture
def session() -> Session:
    zones = [
        SimpleNamespace(name="DMA", present=3999, nr_free=2000),
        SimpleNamespace(name="Normal", present=60000, nr_free=51200),
        SimpleNamespace(name="HighMem", present=0, nr_free=0),
    ]
    current = SimpleNamespace(pid=42, comm="a.out", mm=SimpleNamespace(rss=[3, 4, 5, 6]))
    box = SimpleNamespace(current=current, pages=SimpleNamespace(zones=zones), plain=False)
    made = Session(box, stdin=Input())
    made.first_process = 42  # type: ignore[attr-defined]
    return made


def test_the_line_below(session: Session) -> None:
    assert toolbar_text(session) == "a.out 42 RSS 52 kB  free: DMA 8000 KiB, Normal 200 MiB"
    session.box = None
    assert toolbar_text(session) == "no kernel: a recorded /proc"


def test_the_prompt_names_the_mode_and_another_process(session: Session) -> None:
    assert prompt_text(session) == "memsh> "
    session.box.plain = True
    assert prompt_text(session) == "memsh(plain)> "
    session.box.current.pid = 43
    assert prompt_text(session) == "a.out[43] memsh(plain)> "


def test_history_keeps_to_its_file(tmp_path: Path) -> None:
    history, complaint = open_history(str(tmp_path / "new" / "history"))
    assert complaint == ""
    history.append_string("malloc 3")
    again, _ = open_history(str(tmp_path / "new" / "history"))
    assert list(again.load_history_strings()) == ["malloc 3"]


def test_history_without_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    history, complaint = open_history(str(tmp_path / "file" / "history"))
    assert isinstance(history, InMemoryHistory)
    assert complaint.endswith("Not a directory; the history is kept in memory only\n") or "exists" in complaint
    broken = SafeHistory(str(tmp_path))
    assert list(broken.load_history_strings()) == []
    broken.append_string("one")
    broken.append_string("two")
    assert capsys.readouterr().err == f"memsh: {tmp_path}: Is a directory; the history is kept in memory only\n"
    assert broken.get_strings() == ["one", "two"]
