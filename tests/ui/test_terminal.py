"""A person at a real terminal: a pseudo-terminal with an emulator types at the prompt and reads the screen."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.paths import REFERENCE
from tests.ui.person import Person

TREE = REFERENCE / "captures" / "256M-1cpu" / "s2"
ROOT = REFERENCE.parent.parent
COLUMNS, ROWS = 100, 30


class Terminal(Person):
    """A person before a recorded tree: what is tested here is the prompt, not a box."""

    def __init__(self, home: Path, *options: str, environment: dict[str, str] | None = None) -> None:
        super().__init__(home, "--proc", str(TREE), *options, columns=COLUMNS, rows=ROWS, environment=environment)


Opener = Callable[..., Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Opener]:
    opened: list[Terminal] = []

    def open_one(*options: str, environment: dict[str, str] | None = None) -> Terminal:
        opened.append(Terminal(tmp_path, *options, environment=environment))
        return opened[-1]

    yield open_one
    for one in opened:
        one.child.close(force=True)


def test_banner_command_and_ctrl_d(terminal: Opener) -> None:
    shell = terminal()
    shell.at_prompt()
    assert shell.lines[0].startswith("memsh")
    shell.enter("free")
    shell.see("Mem:          249736       29260      211444        6660       22656      220476")
    shell.at_prompt()
    shell.type("\x04")
    assert shell.ended() == 0


def test_ctrl_d_leaves_with_the_last_status(terminal: Opener) -> None:
    shell = terminal()
    shell.enter("pgrep nobody")
    shell.until(lambda: shell.text.count("memsh>") == 2)  # between the prompts Ctrl-D would be the command's
    shell.at_prompt()
    shell.type("\x04")
    assert shell.ended() == 1


def test_tab_completes_and_shows_what_there_is(terminal: Opener) -> None:
    shell = terminal()
    shell.at_prompt()
    shell.type("slabt\t")
    shell.see("memsh> slabtop")
    shell.type(" -o | head -1\r")
    shell.see("Active / Total Objects (% used)    : 19869 / 21461 (92.6%)")
    shell.at_prompt()
    shell.type("cat /proc/66/s\t")
    shell.see("smaps_rollup")
    shell.see("statm")
    # Enter takes a chosen entry and runs nothing
    shell.type("\t\r")
    shell.until(lambda: shell.lines[shell.screen.cursor.y].startswith("memsh> cat /proc/66/s") and
                "smaps_rollup" not in "\n".join(shell.lines[shell.screen.cursor.y + 1 :]))  # fmt: skip


def test_history_outlives_the_session(terminal: Opener, tmp_path: Path) -> None:
    shell = terminal()
    shell.enter("uname -s")
    shell.until(lambda: "\nLinux" in shell.text)  # typed ahead, Ctrl-D would be the end of what the command reads
    shell.at_prompt()
    shell.type("\x04")
    shell.ended()
    assert "uname -s" in (tmp_path / ".local/state/memsh/history").read_text()
    again = terminal()
    again.at_prompt()
    again.type("un")
    again.see("memsh> uname -s")  # suggested, in grey
    again.type("\x1b[A")
    again.type("\r")
    again.see("\nLinux")
    again.at_prompt()
    again.type("\x12ame")
    again.see("I-search")
    again.type("\r\r")
    again.until(lambda: again.text.count("\nLinux") == 2)


def test_a_history_that_cannot_be_written(terminal: Opener, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    shell = terminal("--history-file", str(tmp_path / "folder"))
    shell.see("ory is kept in memory only")
    shell.enter("uname -s")
    shell.see("\nLinux")
    shell.at_prompt()
    assert shell.text.count("kept in memory only") == 1


def test_start_up_commands(terminal: Opener, tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "memsh"
    folder.mkdir(parents=True)
    (folder / "rc.memsh").write_text("# before the first prompt\necho good morning\n")
    shell = terminal()
    shell.at_prompt()
    shell.see("\ngood morning\nmemsh>")
    shell = terminal("--no-rc")
    shell.at_prompt()
    assert "good morning" not in shell.text


def test_ctrl_c_abandons_the_line(terminal: Opener) -> None:
    shell = terminal()
    shell.at_prompt()
    shell.type("uname -")
    shell.see("memsh> uname -")
    shell.type("\x03")
    shell.at_prompt()
    shell.enter("uname -s")
    shell.see("\nLinux")


def test_ctrl_c_ends_the_command_and_keeps_the_session(terminal: Opener) -> None:
    shell = terminal()
    shell.enter("vmstat 1")
    shell.see("swpd   free")
    shell.type("\x03")
    shell.at_prompt()
    shell.enter("echo status $?")
    shell.see("status 130")


def test_an_unfinished_line_gets_another(terminal: Opener) -> None:
    shell = terminal()
    shell.enter("for x in one two; do")
    shell.see("\n>")
    shell.type("echo saw $x\r")
    shell.type("done\r")
    shell.see("saw one\nsaw two")


def test_colours(terminal: Opener) -> None:
    shell = terminal()
    shell.at_prompt()
    shell.type("free; nosuchcommand")
    shell.see("nosuchcommand")
    row = shell.screen.cursor.y
    shell.until(lambda: shell.screen.buffer[row][13].fg == "red")
    assert shell.screen.buffer[row][7].fg == "green"
    shell.type("\x03")
    shell.enter("cat /proc/meminfo | head -1")
    shell.see("MemTotal:         249736 kB")
    line = next(number for number, line in enumerate(shell.lines) if line.startswith("MemTotal:"))
    assert shell.screen.buffer[line][0].fg == "cyan"
    assert shell.screen.buffer[line][20].bold


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour(terminal: Opener, environment: dict[str, str]) -> None:
    shell = terminal(environment=environment)
    shell.enter("cat /proc/meminfo | head -1")
    shell.see("MemTotal:         249736 kB")
    shell.at_prompt()
    assert not re.search(rb"\x1b\[(?:[\d;]*;)?(?:3[0-8]|9[0-7])(?:;[\d;]*)?m", shell.raw)
    if "TERM" in environment:
        assert b"\x1b" not in shell.raw


def test_the_editor_writes_the_line(terminal: Opener, tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text("#!/bin/sh\necho 'uname -s' > \"$1\"\n")
    editor.chmod(0o755)
    shell = terminal(environment={"EDITOR": str(editor), "VISUAL": ""})
    shell.at_prompt()
    shell.type("\x18\x05")
    shell.see("memsh> uname -s")


def test_a_live_screen_ends_with_ctrl_c(terminal: Opener) -> None:
    shell = terminal()
    shell.enter("slabtop -d 1 -s c")
    shell.see("Active / Total Objects (% used)    : 19869 / 21461 (92.6%)")
    shell.until(lambda: shell.lines[0].startswith(" Active / Total Objects"))
    shell.type("\x03")
    shell.at_prompt()
    shell.enter("echo status $?")
    shell.see("status 0")


def test_the_first_prompt_needs_neither_rich_nor_pygments() -> None:
    probe = "import sys, memsh.ui.prompt; print([name for name in ('rich', 'pygments') if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, cwd=ROOT)
    assert answer.stdout == "[]\n"
