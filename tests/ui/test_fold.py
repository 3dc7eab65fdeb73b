"""No word and no number is broken: a property of what fits a screen, over every view and page."""

from __future__ import annotations

import io
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memsh.cli import open_session
from memsh.shell.errors import Leave
from memsh.shell.io import TextInput
from memsh.shell.manual import page, pages
from memsh.shell.registry import REGISTRY
from memsh.ui.fold import CUT, SQUEEZED, cut, fitted, fold
from tests.booted import opened
from tests.ui.fitting import whole
from tests.ui.person import Person

open_session(["--ram", "32M"], io.StringIO(), io.StringIO())  # declares all commands
COLUMNS = (80, 60)
LEFT_OUT = {"source"}  # a whole demo: its commands are all here


@example("\t1111111日日日日", 20, False)
@example("\t111111日日日日", 20, True)
@example("\t\taaaaaaaaaa", 20, True)
@given(st.text(alphabet="ab1 23,|日\t", max_size=300), st.integers(20, 120), st.booleans())
def test_any_text(text: str, columns: int, table: bool) -> None:
    whole(text, columns, table)


def test_the_rules() -> None:
    assert fold("one two three", 9) == ["one two", "  three"]
    assert fold("  deep words go on below", 14) == ["  deep words", "    go on", "    below"]
    assert fold("PROT_READ|PROT_WRITE", 12) == ["PROT_READ|", "  PROT_WRITE"]
    assert cut("12 345 678", 8) == ("12 345 ", CUT) and cut("12 345 678", 6) == ("12   ", CUT)
    rows = fitted(["a    1    22", "bb   3     4"], 9, True)
    assert [row.text + row.mark for row in rows] == ["a  1  22‹", "bb 3   4‹"]
    assert fitted(["a    1    22", "bb   3     4"], 12, True)[0] == ("a    1    22", "")


@cache
def buddyinfo() -> str:
    out = io.StringIO()
    open_session(["--ram", "1G"], out, out).run("cat /proc/buddyinfo")
    return out.getvalue()


@pytest.mark.parametrize("columns", COLUMNS)
def test_buddyinfo_shows_all_eleven_orders(columns: int) -> None:
    rows = fitted(buddyinfo().rstrip("\n").split("\n"), columns, True)
    assert [row.text.split() for row in rows] == [line.split() for line in buddyinfo().splitlines()]
    assert all(row.mark == SQUEEZED and len(row.text) == columns - 1 for row in rows)


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("name", sorted(set(REGISTRY.commands) - LEFT_OUT))
def test_every_command(name: str, columns: int, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    out = io.StringIO()
    session = opened(out, out, "--width", str(columns))
    session.stdin = TextInput("")
    for line in REGISTRY.commands[name].example:
        try:
            session.run(line.replace("/tmp/box", str(tmp_path / "box")))
        except Leave:
            break
    if session.recording is not None:
        session.run("record stop")
    text = out.getvalue()
    whole(text, columns, False)
    whole(text, columns, True)
    assert re.sub(r"\s+", "", "".join(row.text for row in fitted(text.split("\n"), columns, False))) == re.sub(
        r"\s+", "", text)  # fmt: skip


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("name", sorted(pages()))
def test_every_page(name: str, columns: int) -> None:
    whole(page(name, columns), columns, False)


def test_a_narrow_terminal_breaks_nothing(tmp_path: Path) -> None:
    person = Person(tmp_path, "--ram", "512M", columns=60, rows=20)
    person.at_prompt()
    whole_text = " ".join("\n".join(person.lines).split())
    for words in ("alloc_pages 4; diff /proc/buddyinfo", "seven screens for the first minute", "or Ctrl-D leaves"):
        assert words in whole_text, person.text
    person.after("display head -4 /proc/slabinfo; malloc 1M")
    rows = [line for line in person.lines if line.startswith("bio-72")]
    assert rows and all(row.endswith("…") for row in rows) and len(set(rows)) == 1
    person.until(lambda: "F6" in person.lines[-1])
    assert person.lines[-1].endswith("…") and not re.search(r"\d…$", person.lines[-1])
    person.after("kmalloc 5M")
    assert "the largest block of the buddy system" in " ".join(person.text.split())
    assert person.leave() in (0, 1)
