"""plot: figures over the box's clock; the chart, the table and the picture show the same, and replays write nothing."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from xml.etree import ElementTree

import pytest

from memsh.cli import open_session
from memsh.inspect import check
from memsh.procfs import tree
from memsh.shell.session import Session

FALL = "p=$(mmap 150M rw); for i in $(seq 0 36); do touch $((p+i*4194304)) 4M > /dev/null; sleep 0.2; done"


def session(*options: str) -> tuple[Session, io.StringIO]:
    out = io.StringIO()
    return open_session([*(options or ("--ram", "128M", "--swap", "256M"))], out, out), out


def test_free_pages_fall_through_the_watermarks_while_kswapd_works(tmp_path: Path) -> None:
    made, out = session()
    path = tmp_path / "fall.csv"
    assert made.run(f"plot zone.Normal.free zone.Normal.low vmstat.pgsteal_kswapd -o {path} '{FALL}'") == 0
    assert out.getvalue() == ""
    rows = list(csv.reader(path.read_text().splitlines()))
    assert rows[0] == ["usec", "zone.Normal.free", "zone.Normal.low", "vmstat.pgsteal_kswapd"]
    table = [[int(cell) for cell in row] for row in rows[1:]]
    assert 30 < len(table) <= 4000 and [row[0] for row in table] == sorted(row[0] for row in table)
    assert table[0][1] > 20000 and min(row[1] for row in table) < table[0][2] and table[-1][3] > 1000
    assert table[-1][0] > 7_000_000


@pytest.mark.parametrize("columns", [80, 60])
def test_a_chart_in_the_terminal_fits_and_names_its_limits(columns: int) -> None:
    made, out = session("--ram", "128M", "--swap", "256M", "--width", str(columns))
    assert made.run(f"plot zone.Normal.free '{FALL}'") == 0
    lines = out.getvalue().rstrip("\n").split("\n")
    assert max(map(len, lines)) <= columns and "\x1b" not in out.getvalue()
    assert any("seconds" in line for line in lines) and lines[-3].startswith("─ Normal min ")
    assert any(line.startswith("zone.Normal.free: ") and " least " in line for line in lines)


def test_without_time_samples_are_counted() -> None:
    made, out = session("--ram", "64M")
    assert made.run("plot meminfo.MemFree 'for i in $(seq 200); do alloc_page; done'") == 0
    assert "samples" in out.getvalue() and "meminfo.MemFree: " in out.getvalue()
    before, after = out.getvalue().split("meminfo.MemFree: ")[1].split(",")[0].split(" → ")
    assert 700 < int(before) - int(after) <= 900  # 200 pages, some from the per-CPU list


def test_as_a_picture(tmp_path: Path) -> None:
    made, _ = session("--ram", "64M")
    path = tmp_path / "x.svg"
    assert made.run(f"plot zone.Normal.free -t 1s -o {path}") == 0
    root = ElementTree.fromstring(path.read_text())
    line = root.find("{http://www.w3.org/2000/svg}polyline")
    assert line is not None and len(line.attrib["points"].split()) >= 10
    assert made.run(f"plot zone.Normal.free -t 1s -o {path}") == 1  # it is there
    assert made.run(f"plot zone.Normal.free -t 1s -f -o {path}") == 0


def test_undo_redo_and_save_know_it(tmp_path: Path) -> None:
    made, _ = session("--ram", "64M")
    path = tmp_path / "x.csv"
    made.run(f"plot processes -o {path} 'fork; sleep 1; fork'")
    after = tree.show(made.box, "/proc/meminfo"), made.box.timer.usec, len(made.box.tasks)
    path.unlink()
    made.run("undo")
    assert len(made.box.tasks) == after[2] - 2
    made.run("redo")
    assert after == (tree.show(made.box, "/proc/meminfo"), made.box.timer.usec, len(made.box.tasks))
    assert not path.exists() and check.check(made.box) == []


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("plot", 2, "plot: FIGURE is missing"), ("plot 'malloc 1'", 2, "there is no figure to plot"),
        ("plot nonsense", 2, "'nonsense' is not a figure"), ("plot clock -o x.png", 2, "ends in .svg or .csv"),
        ("plot clock -t x", 2, "is not a time"), ("plot clock 'nosuch thing'", 127, "nosuch: command not found"),
    ],
)
def test_what_it_refuses(line: str, status: int, said: str) -> None:
    made, out = session("--ram", "64M")
    assert made.run(line) == status and said in out.getvalue()
