"""Colour comes after the text and never changes it; long text is paged."""

import io
import re
import time
from pathlib import Path

import pytest

from memsh.shell.session import Session
from memsh.ui.screen import Painter, ScreenSink
from tests.paths import REFERENCE

ESCAPE = re.compile(r"\x1b\[[0-9;]*m")
TREE = REFERENCE / "captures" / "256M-1cpu"


@pytest.mark.parametrize("name", ["meminfo", "slabinfo", "vmstat", "66/maps", "66/smaps", "66/status", "buddyinfo"])
def test_colour_changes_no_text(name: str) -> None:
    painter = Painter()
    for line in (TREE / "s2" / name).read_text().splitlines():
        assert ESCAPE.sub("", painter.paint(line)) == line


def test_what_is_coloured() -> None:
    painter = Painter()
    assert painter.paint("MemTotal:         249736 kB") == "\x1b[36mMemTotal:\x1b[0m         \x1b[1m249736\x1b[0m kB"
    assert painter.paint("plain words") == "plain words"


def test_the_sink_colours_whole_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "50")
    stream = io.StringIO()
    sink = ScreenSink(stream, color=True)
    sink.write("MemTotal:  ")
    assert stream.getvalue() == ""
    sink.write("1 kB\nMemFr")
    assert ESCAPE.sub("", stream.getvalue()) == "MemTotal:  1 kB\n"
    sink.flush()
    assert ESCAPE.sub("", stream.getvalue()) == "MemTotal:  1 kB\nMemFr"
    assert "\x1b" in stream.getvalue()


def test_without_colour_every_byte_is_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "50")
    stream = io.StringIO()
    sink = ScreenSink(stream, color=False)
    sink.write("MemTotal:  1 kB\nrest")
    assert stream.getvalue() == "MemTotal:  1 kB\nrest"


def test_a_text_longer_than_the_screen_goes_to_the_pager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ncat > {seen}\n")
    pager.chmod(0o755)
    monkeypatch.setenv("LINES", "10")
    monkeypatch.setenv("PAGER", str(pager))
    stream = io.StringIO()
    session = Session()
    sink = ScreenSink(stream, color=False, session=session)
    lines = [f"line {number}\n" for number in range(12)]
    sink.write("short\n")
    sink.ended()
    assert stream.getvalue() == "short\n"
    for line in lines:
        sink.write(line)
    sink.ended()
    assert stream.getvalue() == "short\n"
    assert seen.read_text() == "".join(lines)
    monkeypatch.setenv("PAGER", str(tmp_path / "nosuch"))
    sink.write("".join(lines))
    assert stream.getvalue() == "short\n" + "".join(lines)


def test_loops_and_what_comes_slowly_show_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "10")
    monkeypatch.setenv("PAGER", "false")
    stream = io.StringIO()
    session = Session()
    sink = ScreenSink(stream, color=False, session=session)
    session.loops = 1
    for _ in range(20):
        sink.write("line\n")
    assert stream.getvalue() == "line\n" * 20
    session.loops = 0
    sink.write("slow\n")
    end = time.monotonic() + 5
    while not stream.getvalue().endswith("slow\n"):
        assert time.monotonic() < end
        time.sleep(0.01)
    for _ in range(20):
        sink.write("line\n")
    assert stream.getvalue().count("line\n") == 40
