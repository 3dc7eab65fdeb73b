"""The tour at a terminal: seven screens, Enter runs each command and goes on; it ends at the list of lessons."""

from __future__ import annotations

from pathlib import Path

import pytest

from memsh.cli import main
from memsh.teach.lessonfile import COMMAND, load
from tests.ui.person import Person


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (60, 20)])
def test_the_whole_tour(tmp_path: Path, columns: int, rows: int) -> None:
    person = Person(tmp_path, "tour", columns=columns, rows=rows)
    lesson = load("tour")
    commands = [step.text for step in lesson.steps if step.kind == COMMAND]
    assert len(commands) == 7 and commands[0] == "malloc 200k" and commands[-1].startswith("slabtop")
    person.see("A tour of a minute")
    for number, command in enumerate(commands, 1):
        person.type("\r")
        _at(person, f"{number} of 7  Enter runs it")
        assert person.lines[0] == f"{number}. {lesson.sections[number][0].partition('. ')[2]}"
        assert "".join(command.split()) in "".join(person.text.split()), person.text
        person.type("\r")
        _at(person, f"{number} of 7  Enter goes on")
    person.until(lambda: "Enter goes on" in person.lines[-1])
    person.type("\r\r")
    person.see("lesson NAME plays one")
    assert person.ended() == 0


def _at(person: Person, status: str) -> None:
    person.until(lambda: status in person.lines[-1])


def test_back_and_quit(tmp_path: Path) -> None:
    person = Person(tmp_path, "tour")
    person.see("A tour of a minute")
    person.type("\r")
    _at(person, "1 of 7  Enter runs it")
    person.type("\r")
    person.see("$1 = 0xb7fc7010")
    person.type("b")
    person.until(lambda: "$1 = 0xb7fc7010" not in person.text and "Enter runs it" in person.text)
    person.type("q")
    person.see("lesson NAME plays one")
    assert person.ended() == 0


def test_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tour"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("A tour of a minute\n") and "memsh> malloc 200k\n$1 = " in out
    assert out.endswith("lesson NAME plays one.\n")
