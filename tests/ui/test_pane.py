"""pane: a picture below the prompt that follows each command; F5 hides it; what changed is reversed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.ui.pane import Pane
from tests.ui.person import Person


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (60, 20)])
def test_it_stays_and_follows(tmp_path: Path, columns: int, rows: int) -> None:
    person = Person(tmp_path, "--ram", "64M", columns=columns, rows=rows)
    person.enter("plain on")
    person.enter("pane buddy Normal")
    person.see("by migrate type")
    person.at_prompt()
    assert sum("order" in line for line in person.lines) >= 1
    bottom = person.lines[-1]
    assert "free:" in bottom  # the line below is still the last
    person.enter("alloc_pages 4")
    person.see("$1 = 0x")
    person.at_prompt()
    person.until(lambda: any(cell.reverse for line in range(rows) for cell in person.screen.buffer[line].values()))
    person.type("\x1b[15~")  # F5
    person.until(lambda: "by migrate type" not in "\n".join(person.lines[person.screen.cursor.y :]))
    person.type("\x1b[15~")
    person.until(lambda: "by migrate type" in "\n".join(person.lines[person.screen.cursor.y :]))
    person.enter("pane off")
    person.at_prompt()
    person.until(lambda: "by migrate type" not in "\n".join(person.lines[person.screen.cursor.y :]))
    assert person.leave() == 0


def test_what_changed_is_reversed_and_nothing_is_touched() -> None:
    out = io.StringIO()
    session = open_session(["--ram", "64M"], out, out)
    session.run("plain on; pane buddy Normal")
    assert "order" in out.getvalue()  # no terminal: printed once
    pane = Pane(session)
    pane.follow(80, 24)
    assert not any("reverse" in style for style, _ in pane.text(80, True)) and len(pane.rows) <= 10
    before = session.box.timer.usec, dict(session.box.vmstat), list(session.values)
    pane.follow(80, 24)
    assert before == (session.box.timer.usec, dict(session.box.vmstat), list(session.values))
    session.run("alloc_pages 4")
    pane.follow(80, 24)
    moved = "".join(text for style, text in pane.text(80, True) if "reverse" in style)
    assert moved and "".join(text for _, text in pane.text(80, True)) == "".join(row + "\n" for row in pane.rows)
    assert max(map(len, pane.rows)) <= 80
    pane.follow(60, 20)
    assert max(map(len, pane.rows)) <= 60 and len(pane.rows) <= 8
    pane.shown = False
    assert pane.text(60, True) == []


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("pane", 0, "no picture: pane COMMAND begins"), ("pane malloc 1M", 1, "this changes the box"),
        ("pane nosuch", 127, "there is no command nosuch"), ("pane physmap; pane", 0, "physmap\n"),
        ("pane physmap; pane off; pane", 0, "no picture"),
    ],
)
def test_the_command(line: str, status: int, said: str) -> None:
    out = io.StringIO()
    session = open_session(["--ram", "64M"], out, out)
    assert session.run(line) == status and said in out.getvalue()
