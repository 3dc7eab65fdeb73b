"""display, undisplay, delta: what is told after each command, in scripts and pipes as at the prompt."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.teach import delta, marks
from memsh.ui.screen import Painter

ROOT = Path(__file__).parent.parent.parent


def run(text: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    open_session([], out, err).run(text)
    return out.getvalue(), err.getvalue()


def test_changed_figures_are_marked_and_columns_keep_their_places() -> None:
    assert marks.line("MemFree:   1000 kB", "MemFree:    996 kB") == "MemFree:   >996 kB"
    assert marks.line("a 1 b", "a 2 b") == "a >2 b"
    assert marks.line(None, "  new line") == " >new line"
    assert marks.line("same", "same") == "same"
    assert Painter().paint("x >2") == "x \x1b[1;33m>2\x1b[0m" and Painter().paint("a > b") == "a > b"
    assert marks.text("a 1\nb 2\nc 3\n", "a 1\nc 4\n") == "a 1\nc >4\n> 1 line gone\n"
    assert marks.text("a 1\nc 3\n", "a 1\nb 2\nc 3\n") == "a 1\n>b 2\nc 3\n"


def test_delta_tells_rss_faults_and_zones() -> None:
    out, _ = run("delta on\np=$(malloc 200k)\ntouch $p 16k\ncat /proc/uptime\n")
    lines = out.splitlines()
    assert lines[0].startswith("~ a.out RSS ") and lines[0].endswith(" kB, minflt +1")
    rss = int(lines[0].split("→")[1].split()[0])
    assert lines[2].startswith(f"~ a.out RSS {rss}→{rss + 16} kB, minflt +4")
    assert not lines[-1].startswith("~")  # reading /proc changes nothing


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("alloc_pages 4", "~ Normal free −16"),
        ("sleep 2", "~ clock +2 s"),
        ("kmalloc 64", "~ kmalloc-64 array cache −1"),
        ("kmem_cache create mine 100", "cache mine new"),
        ("mmap 1M", "~ a.out VSZ "),
        ("fork", "processes +1"),
    ],
)
def test_what_delta_calls_things(command: str, told: str) -> None:
    out, _ = run(f"delta on; {command}; delta off; malloc 1M")
    lines = [line for line in out.splitlines() if line.startswith("~")]
    assert len(lines) == 1
    assert told in lines[0]


def test_figures_that_did_not_move_make_no_line() -> None:
    now = delta.figures(open_session([], io.StringIO(), io.StringIO()).box)
    assert delta.line(now, now) == ""
    assert delta.line(now, now._replace(free={**now.free, "HighMem": now.free["HighMem"] - 7})) == "~ HighMem free −7"


def test_a_display_follows_each_command_and_marks() -> None:
    out, _ = run("display 'cat /proc/buddyinfo | grep Normal'; alloc_pages 4; true; undisplay 1; true")
    shown = [line for line in out.splitlines() if line.startswith("Node")]
    assert len(shown) == 3
    assert ">" not in shown[0] and ">" in shown[1] and ">" not in shown[2]
    assert len(shown[0]) == len(shown[1])
    assert out.count("1: cat /proc/buddyinfo | grep Normal\n") == 3


def test_displays_are_numbered_and_leave_no_trace() -> None:
    out, err = run("malloc 5; false; display heap; display zones; echo $? $1; undisplay 7; undisplay; display")
    assert "1: heap" in out and "2: zones" in out
    assert "0 0x" in out
    assert "undisplay: there is no display 7 (there are: 1, 2)" in err
    assert out.endswith("nothing is displayed: display COMMAND begins\n")


@pytest.mark.parametrize("line", ["malloc 5", "fork", "sleep 1", "'echo 1 > /tmp/x'", "undo"])
def test_what_changes_the_box_cannot_be_displayed(line: str) -> None:
    out, err = run(f"display {line}")
    assert err.startswith("display: ")
    assert out == ""


def test_after_a_sourced_line_once(tmp_path: Path) -> None:
    script = tmp_path / "two.memsh"
    script.write_text("malloc 1M\nmalloc 1M\n")
    out, _ = run(f"delta on\nsource {script}\n")
    assert sum(line.startswith("~") for line in out.splitlines()) == 2


def test_in_a_pipe_too() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "memsh"], input="delta on\nalloc_pages 4\n", capture_output=True, text=True, check=True,
        cwd=ROOT,
    )  # fmt: skip
    assert "\n~ Normal free −16\n" in answer.stdout
    assert "\x1b" not in answer.stdout


def test_diff_marks_too_and_sees_the_same_line() -> None:
    out, err = run("alloc_pages 4; diff /proc/buddyinfo")
    assert err == ""
    old, new = (line for line in out.splitlines() if line[:1] in "-+" and "Normal" in line)
    assert ">" in new and ">" not in old
    assert len(old) == len(new)
