"""Live screens at a real terminal: entered, drawn again by the clock and by keys, resized, left, undone and saved."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from memsh.shell.live import Deeds, changed_spans
from memsh.teach.journal import retold
from memsh.ui.live import render
from tests.paths import REFERENCE
from tests.ui.person import Person

ROOT = REFERENCE.parent.parent


class Terminal(Person):
    """A box at a prompt, on a screen of its own size."""

    def __init__(self, home: Path, columns: int = 100, rows: int = 30) -> None:
        super().__init__(home, "--ram", "64M", "--no-rc", columns=columns, rows=rows)

    def reversed(self, row: int) -> str:
        """The letters of a row that are drawn reversed."""
        cells = self.screen.buffer[row]
        return "".join(cells[column].data for column in range(self.screen.columns) if cells[column].reverse)


Opener = Callable[..., Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Opener]:
    opened: list[Terminal] = []

    def open_one(*size: int) -> Terminal:
        opened.append(Terminal(tmp_path, *size))
        return opened[-1]

    yield open_one
    for one in opened:
        one.child.close(force=True)


def names(shell: Terminal) -> list[str]:
    """The caches that slabtop shows, from the top."""
    return [line.split()[-1] for line in shell.lines[7:] if "%" in line]


def test_slabtop_sorts_refreshes_scrolls_and_leaves(terminal: Opener) -> None:
    shell = terminal()
    shell.enter("slabtop -d 60")
    shell.until(lambda: shell.lines[0].startswith(" Active / Total Objects"))
    shell.until(lambda: len(names(shell)) == 22)
    assert shell.reversed(6).startswith("  OBJS ACTIVE  USE")
    shell.type("n")
    shell.until(lambda: names(shell) == sorted(names(shell)) and names(shell)[0] != "")
    shell.type("s")
    shell.until(lambda: "kmalloc-8k" in names(shell)[:3])
    shell.resize(40, 12)
    shell.until(lambda: shell.lines[6].endswith("…") and len(names(shell)) <= 4 and not shell.lines[11])
    shell.type("\x1b[C" * 5)
    shell.until(lambda: any("kmalloc-8k" in line for line in shell.lines) and shell.lines[6].startswith("<"))
    shell.type("q")
    shell.at_prompt()
    shell.enter("echo status $?")
    shell.see("status 0")


def test_top_asks_marks_kills_and_the_journal_tells_it(terminal: Opener, tmp_path: Path) -> None:
    shell = terminal()
    shell.enter("run a.out")
    shell.enter("while true; do malloc 40k; touch $ 40k; sleep 1; done &")
    shell.enter("top -d 0.3")
    shell.until(lambda: "PID USER" in shell.lines[6])
    shell.type("M")
    shell.see("a.out")
    row = lambda: next((n for n, line in enumerate(shell.lines) if line.endswith("a.out")), -1)  # noqa: E731
    shell.until(lambda: row() > 6 and re.search(r"\d", shell.reversed(row())))  # RES grows, and is marked
    shell.type("d")
    shell.see("Change delay from 0.3 to")
    shell.type("50\r")
    shell.until(lambda: "Change delay" not in shell.text)
    shell.type("h")
    shell.see("Help for interactive commands")
    shell.type(" ")
    shell.see("PID USER")
    shell.type("k")
    shell.see("PID to signal/kill [default pid =")
    shell.type("notapid\r")
    shell.see("Unacceptable integer")
    shell.type("q")
    shell.at_prompt()
    shell.enter("save told.memsh; echo saved $?")
    shell.see("saved 0")
    told = (tmp_path / "told.memsh").read_text()
    assert re.search(r"^sleep \d+\.\d{6}$", told, re.MULTILINE)
    assert "top -d" not in told


def test_a_live_screen_moves_the_clock_and_undo_takes_it_back(terminal: Opener) -> None:
    shell = terminal()
    shell.enter("echo begun $(cut -d. -f1 /proc/uptime)")
    shell.see("begun 1")
    shell.enter("watch -d -n 1 cat /proc/uptime")
    shell.until(lambda: shell.lines[0].startswith("Every 1.0s: cat /proc/uptime") and "localhost: " in shell.lines[0])
    shell.until(lambda: shell.reversed(2).replace(" ", "") != "")
    shell.type("  \x03")
    shell.at_prompt()
    shell.enter("undo")
    shell.see('undone: 2 "watch -d -n 1 cat /proc/uptime"')
    shell.enter("echo again $(cut -d. -f1 /proc/uptime)")
    shell.see("again 1")


def test_vmstat_marks_figures_and_ends_with_q(terminal: Opener) -> None:
    shell = terminal(100, 30)
    shell.enter("while true; do kmalloc 64 > /dev/null; run a.out; sleep 1; done &")
    shell.enter("vmstat 1")
    shell.see("swpd   free")
    shell.type("   ")
    shell.until(lambda: sum(bool(re.match(r" *\d+ +\d+ +\d+ ", line)) for line in shell.lines) >= 4)
    shell.type("q")
    shell.at_prompt()
    rows = [number for number, line in enumerate(shell.lines) if re.match(r" *\d+ +\d+ +\d+ ", line)]
    assert not shell.reversed(rows[0])
    assert any(shell.reversed(row) for row in rows[1:])


@pytest.mark.parametrize("line", ["slabtop", "top", "watch cat /proc/slabinfo", "free -s 1 -c 1"])
def test_a_terminal_of_twenty_columns(terminal: Opener, line: str) -> None:
    shell = terminal(20, 10)
    shell.enter(line)
    shell.until(lambda: any(any(map(str.isdigit, row)) for row in shell.lines))
    shell.type("\x1b[C\x1b[C q")
    shell.at_prompt()


def test_escapes_in_a_file_are_shown_and_not_obeyed(terminal: Opener) -> None:
    shell = terminal()
    shell.enter(r"printf 'a\033[31mred\033[2J\n' > /tmp/x; cat /tmp/x")
    shell.see("a^[[31mred^[[2J")
    shell.enter("watch -n 9 cat /tmp/x")
    shell.until(lambda: shell.lines[2] == "a^[[31mred^[[2J")
    shell.type("q")
    shell.at_prompt()


def test_in_a_pipe_it_is_plain_text() -> None:
    script = "watch -n 5 -t cat /proc/uptime; slabtop; watch --count 3 -n 1 echo hi; watch -g cat /proc/uptime; top"
    ran = subprocess.run([sys.executable, "-m", "memsh", "--ram", "64M", "-c", script], capture_output=True, text=True,
                         check=False, cwd=ROOT)  # fmt: skip
    assert "\x1b" not in ran.stdout
    first, second = re.findall(r"^(\d+)\.\d\d \d+\.\d\d\n", ran.stdout, re.MULTILINE)[:2]
    assert int(second) == int(first) + 5
    assert ran.stdout.count("\nhi\n") == 3
    assert "Active / Total Slabs" in ran.stdout
    assert ran.stderr == "top: failed tty get\n"


def test_what_replays_a_line_with_live_screens() -> None:
    deeds = Deeds()
    deeds.slept(3_000_000)
    deeds.slept(500_000)
    assert deeds.script() == "sleep 3.500000"
    deeds.ran("kill 12")
    deeds.slept(1)
    assert deeds.script() == "sleep 3.500000; kill 12; sleep 0.000001"
    assert retold("malloc 1k; slabtop -o s; free $1", ["sleep 1.000000"]) == "malloc 1k; sleep 1.000000; free $1"
    assert retold("watch 'a; b | c' x && top", ["sleep 1", "true"]) == "sleep 1&& true"
    assert retold("vmstat 1", ["sleep 2"]) == "sleep 2"
    assert retold("for i in 1 2; do top; done", ["sleep 1", "sleep 2"]) == "sleep 1; sleep 2"
    assert retold("for i in 1 2; do malloc 1k; top; done", ["sleep 1", "sleep 2"]) == ""
    assert retold("vmstat", []) == "vmstat"


@pytest.mark.parametrize(
    ("line", "spans", "shift", "columns", "shown"),
    [
        ("abcdef", [], 0, 6, "abcdef"),
        ("abcdef", [], 0, 5, "abcd…"),
        ("abcdef", [], 1, 4, "<cd…"),
        ("abcdef", [(1, 3)], 0, 6, "a\x1b[7mbc\x1b[0mdef"),
        ("abcdef", [(4, 6)], 0, 5, "abcd\x1b[7m…\x1b[0m"),
        ("abcdef", [(0, 3)], 2, 4, "\x1b[7m<\x1b[0mdef"),
        ("ab", [], 8, 4, "<"),
        ("ab 1234 5678", [], 0, 6, "ab   …"), ("ab 1234 5678", [], 4, 6, "<    …"),
        ("ab 1234 5678", [], 4, 8, "<   5678"),
    ],
)
def test_a_row_is_cut_at_the_edge(
    line: str, spans: list[tuple[int, int]], shift: int, columns: int, shown: str
) -> None:
    assert render(line, spans, shift, columns) == shown


def test_changed_words_are_found() -> None:
    assert changed_spans("Mem:  12 34 5", "Mem:  12 35 5") == [(9, 11)]
    assert changed_spans("a 1", "a 1 2") == [(4, 5)]


def test_wide_rows_are_cut_with_a_mark_and_scrolled(terminal: Opener) -> None:
    shell = terminal(60, 20)
    shell.enter("cat /proc/slabinfo | grep kmalloc-64; echo $((40 + 2))")
    shell.see("42")
    row = next(line for line in shell.screen.display if line.startswith("kmalloc-64 "))
    assert len(row) == 60 and row.endswith("…")
    assert "slabdata" not in shell.text
    shell.see("F6 scrolls")
    shell.type("\x1b[17~")
    shell.see("rows 1-2 of 2: arrows scroll, q leaves")
    shell.type("\x1b[C" * 6)
    shell.until(lambda: "slabdata" in shell.lines[0] and shell.lines[0].startswith("<"))
    shell.type("q")
    shell.at_prompt()
    shell.enter("grep kmalloc-64 /proc/slabinfo | wc -c; grep kmalloc-64 /proc/slabinfo > /tmp/x; wc -c /tmp/x")
    shell.until(lambda: re.search(r"\n(\d{3})\n\1 /tmp/x", shell.text))  # the bytes are whole


def test_a_view_follows_the_width_of_the_window(terminal: Opener) -> None:
    shell = terminal(100, 30)
    shell.enter("echo ready")
    shell.see("\nready")
    shell.at_prompt()
    shell.resize(50, 30)
    shell.enter("buddy Normal; echo done")
    shell.see("\ndone")
    assert max(len(line) for line in shell.lines[: shell.screen.cursor.y - 1] if "order" in line) <= 50


def test_what_was_stopped_and_goes_on_is_drawn_again(terminal: Opener) -> None:
    it = terminal()
    it.enter("top")
    it.see("MiB Mem")
    entered = it.raw.count(b"\x1b[?1049h")
    os.kill(it.child.pid, signal.SIGSTOP)
    it.screen.reset()
    os.kill(it.child.pid, signal.SIGCONT)
    it.until(lambda: it.raw.count(b"\x1b[?1049h") > entered)
    it.see("MiB Mem")
    it.type("q")
    it.at_prompt()
