"""A whole session at a terminal: what is recalled, resumed, configured, marked, and what is refused."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ui.person import Person

Opener = Callable[..., Person]


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Opener]:
    opened: list[Person] = []

    def open_one(*arguments: str, **how: object) -> Person:
        opened.append(Person(tmp_path, *arguments, **how))  # type: ignore[arg-type]
        return opened[-1]

    yield open_one
    for one in opened:
        one.child.close(force=True)


def test_lines_are_recalled_and_shown_before_they_run(person: Opener, tmp_path: Path) -> None:
    shell = person()
    shell.enter("echo one")
    shell.see("\none")
    shell.enter("!! two")
    shell.see("echo one two\none two")
    shell.enter("!1")
    shell.until(lambda: shell.lines.count("one") == 2)
    shell.enter("!nosuch")
    shell.see("memsh: !nosuch: event not found")
    shell.enter("!ec; echo status $?")
    shell.see("status 0")
    shell.at_prompt()
    assert "+echo one two" in (tmp_path / ".local/state/memsh/history").read_text()


def test_a_killed_terminal_loses_nothing(person: Opener) -> None:
    shell = person()
    shell.after("malloc 300k; name p")
    shell.after("x=hello")
    shell.child.kill(signal.SIGKILL)
    shell.child.wait()
    again = person("--resume")
    again.see("is back: 3 commands run again")
    again.enter("echo $x $p")
    again.see("\nhello 0xb7")
    again.enter("undo 2")
    again.see('undone: 1 "malloc 300k"')
    again.at_prompt()
    again.type("exit 3\r")
    assert again.leave("") == 3
    assert "brings this session back" in again.text


def test_a_hangup_in_a_loop_is_kept_up_to_where_it_came(person: Opener) -> None:
    shell = person()
    shell.enter("n=0; while true; do malloc 2k; n=$((n+1)); done")
    shell.see("minflt")
    time.sleep(0.3)
    os.kill(shell.child.pid, signal.SIGHUP)
    shell.leave("")
    again = person("--resume")
    again.see("is back: 2 commands")
    again.enter("[ $n -gt 20 ] && echo kept well; check")
    again.see("\nkept well\nok")


def test_two_at_once_have_journals_of_their_own_and_share_a_history(person: Opener, tmp_path: Path) -> None:
    one, two = person(), person()
    one.after("malloc 1M")
    two.after("malloc 2M")
    one.after("malloc 3M")
    assert len(list((tmp_path / ".local/state/memsh/sessions").iterdir())) == 2
    one.leave()
    two.leave()
    history = (tmp_path / ".local/state/memsh/history").read_text()
    assert all(f"+malloc {size}M" in history for size in (1, 2, 3))


def test_no_journal_where_nobody_sits(tmp_path: Path, person: Opener) -> None:
    shell = person("--ram", "64M", "-c", "malloc 1M")
    assert shell.leave("") == 0
    assert not (tmp_path / ".local/state/memsh").exists()


def test_settings(person: Opener, tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "memsh"
    shell = person("--write-config")
    assert shell.leave("") == 0
    text = (folder / "config").read_text()
    assert "# editing = emacs" in text
    (folder / "config").write_text("editing = vi\ntoolbar = off\nrun = echo good morning\nhistory-size = 5\n")
    shell = person()
    shell.see("good morning")
    shell.at_prompt()
    assert "RSS" not in shell.text
    shell.type("echo xne\x1b0wcwone\x1b\r")  # vi keys: change a word
    shell.see("\none")
    (folder / "config").write_text("toolbar = on\nediting = vim\n")
    shell = person()
    shell.at_prompt()
    assert "".join(shell.lines).count("config:2: editing is one of emacs, vi; the settings are left out") == 1
    shell.see(" RSS ")


def test_delta_and_display_at_a_terminal(person: Opener) -> None:
    shell = person()
    shell.enter("delta on")
    shell.enter("alloc_pages 4")
    shell.see("~ Normal free −16")
    shell.enter("delta off; display 'cat /proc/meminfo | head -2'; alloc_pages 4")
    shell.until(lambda: shell.text.count("MemFree:") == 2)
    shell.at_prompt()
    row = max(number for number, line in enumerate(shell.lines) if line.startswith("MemFree:"))
    column = shell.lines[row].index(">")
    assert shell.screen.buffer[row][column].bold


def test_a_long_loop_shows_how_far_it_is(person: Opener) -> None:
    shell = person()
    shell.enter("for i in $(seq 1 1000000); do true; done")
    shell.see("for i: ")
    assert "1000000" in shell.text and "%" in shell.text and "[" in shell.text
    shell.type("\x03")
    shell.at_prompt()
    assert "for i: " not in shell.text
    shell.enter("echo status $?; check")
    shell.see("status 130\nok")


def test_a_pasted_script_runs_line_by_line(person: Opener) -> None:
    shell = person()
    shell.at_prompt()
    shell.type("\x1b[200~x=1\nfor i in 1 2 3; do\n  echo row $i\ndone\necho end $x\n\x1b[201~")
    shell.see("echo end $x")
    shell.type("\r")
    shell.see("row 1\nrow 2\nrow 3\nend 1")


def test_escapes_in_a_file_are_shown_and_not_obeyed(person: Opener) -> None:
    shell = person()
    shell.enter("printf 'a\\033[2Jb\\033]0;title\\007c' > '/tmp/x'; cat /tmp/x; echo")
    shell.see("a^[[2Jb^[]0;title^Gc")
    assert "memsh" in shell.text


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (20, 8)])
def test_small_terminals(person: Opener, columns: int, rows: int) -> None:
    shell = person(columns=columns, rows=rows)
    shell.at_prompt()
    shell.type("slabi\t")
    shell.type("\x03")
    shell.enter("echo ok it works")
    shell.see("ok it works")
    assert shell.leave() == 0


def test_two_hundred_thousand_letters_in_one_line(person: Opener) -> None:
    shell = person()
    shell.at_prompt()
    shell.type("echo ")
    shell.type("\x1b[200~" + "x" * 200_000 + "\x1b[201~")
    shell.type(" | wc -c\r")
    shell.see("200001")


def test_garbage_bytes(person: Opener) -> None:
    shell = person()
    shell.at_prompt()
    shell.child.send(bytes(range(128, 256)) + b"\xff\xfe\x80")
    shell.type("\x03")
    shell.enter("echo still here")
    shell.see("\nstill here")


def test_after_a_panic_the_views_are_left(person: Opener) -> None:
    shell = person()
    shell.enter("kill -9 1; switch 1; _exit")
    shell.at_prompt()
    shell.enter("kmalloc 64")
    shell.see("panicked")
    shell.enter("zones | head -1; undo; kmalloc 64")
    shell.see("kmalloc-64")


def test_long_text_goes_through_the_pager(person: Opener, tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho paged $(wc -l) lines\n")
    pager.chmod(0o755)
    shell = person(environment={"PAGER": str(pager)})
    shell.enter("cat /proc/slabinfo")
    shell.see("paged ")
    shell.enter("uname -s")
    shell.see("\nLinux")
    shell.enter("cat /proc/slabinfo | wc -l; seq 1 3")
    shell.see("\n3")
    assert shell.text.count("paged") == 1


def test_a_history_of_garbage(person: Opener, tmp_path: Path) -> None:
    folder = tmp_path / ".local/state/memsh"
    folder.mkdir(parents=True)
    (folder / "history").write_bytes(bytes(range(256)) * 50 + b"\n+uname -s\n")
    shell = person()
    shell.at_prompt()
    shell.type("un\x1b[A\r")
    shell.see("\nLinux")


def test_a_bad_size_is_seen_before_enter(person: Opener) -> None:
    shell = person()
    shell.at_prompt()
    shell.type("malloc 12q")
    shell.see("malloc 12q")
    row = shell.screen.cursor.y
    shell.until(lambda: shell.screen.buffer[row][14].fg == "red")
    shell.type("\x7fk")
    shell.until(lambda: shell.screen.buffer[row][14].fg != "red")


def test_completion_says_what_each_value_is(person: Opener) -> None:
    shell = person()
    shell.enter("malloc 300k; name p")
    shell.at_prompt()
    shell.type("touch $\t")
    shell.see("malloc 300k")
    shell.see("the last status")


def test_a_dumb_terminal_recalls_and_keeps_too(person: Opener) -> None:
    shell = person(environment={"TERM": "dumb"})
    shell.enter("malloc 300k")
    shell.see("$1 = ")
    shell.enter("!!")
    shell.see("$2 = ")
    assert shell.leave() == 0
    assert "brings this session back" in shell.text
    assert b"\x1b" not in shell.raw


def test_twenty_columns(person: Opener) -> None:
    shell = person(columns=20, rows=10)
    shell.at_prompt()
    shell.type("cat /proc/slab\t")
    shell.until(lambda: "/proc/slabinfo" in "".join(shell.lines).replace("> ", ""))
    shell.type("\x03")
    shell.at_prompt()
    shell.type("uname -s\r")
    shell.see("Linux")
