"""`man questions`: every lesson, page and command that it names is there; the lessons name no other either."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from memsh.shell.manual import FOLDER, pages
from memsh.shell.registry import REGISTRY
from memsh.teach.lessonfile import names
from tests.sessions import LESSONS, PAGES, typed_session

typed_session([])  # declares every command
TEXT = (FOLDER / "questions.md").read_text("utf-8")
ROWS = re.findall(r"^(\d+)\. (.*?)(?=^\d+\. |\Z)", TEXT, re.MULTILINE | re.DOTALL)


def known(reference: str) -> bool:
    """Whether what stands between backquotes can be typed."""
    first, *rest = reference.split()
    if first == "lesson":
        return rest[0] in names()
    if first == "man":
        return rest[0] in pages() or REGISTRY.knows(rest[0])
    return first == "memsh" or REGISTRY.knows(first)


def test_they_are_numbered() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, len(ROWS) + 1))
    assert len(ROWS) >= 33


@pytest.mark.parametrize(("number", "text"), ROWS)
def test_each_question_has_an_answer(number: str, text: str) -> None:
    references = re.findall(r"`([^`]+)`", text)
    assert references
    for reference in references:
        assert known(reference), f"question {number}: {reference}"


REFUSED = {"6": 1, "21": 1}  # what Linux refuses is the answer


@pytest.mark.parametrize(("number", "text"), ROWS)
def test_the_lines_can_be_typed(number: str, text: str) -> None:
    session, screen = typed_session(["--ram", "1G"])
    for line in re.findall(r"`([^`]+)`", text):
        if line.split()[0] not in ("lesson", "man"):
            status = session.run(" ".join(line.split()))  # type: ignore[attr-defined]
            assert status in (0, REFUSED.get(number, 0)), (line, screen.getvalue())


@pytest.mark.parametrize("path", [*LESSONS, *PAGES], ids=lambda path: path.stem)
def test_lessons_and_pages_refer_to_what_is_there(path: Path) -> None:
    text = path.read_text("utf-8")
    for kind, name in re.findall(r"\b(lesson|man) `([a-z0-9-]+)`", text) + re.findall(r"`(man|lesson) ([^` ]+)`", text):
        if name not in ("NAME", "TOPIC", "COMMAND"):
            assert known(f"{kind} {name}"), f"{path.name}: {kind} {name}"


def test_at_least_twelve_lessons() -> None:
    assert len(names()) >= 12 and names()[0] == "article"
