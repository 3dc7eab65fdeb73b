"""A lesson on a real terminal, in 80×24 and in 60×20: its keys, its status line, the box going back with the screen."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pyte
import pytest

from memsh.cli import main, open_session
from memsh.procfs import tree
from memsh.teach.lessonfile import read_lesson
from memsh.teach.playing import Playing, as_text
from memsh.ui.player import rendered, wrapped
from tests.ui.test_terminal import ROOT, Terminal

LESSON = """\
<!-- memsh: --ram 64M -->
# Small things

A lesson of **three** sections.

## Values

First a value.

```console
memsh> malloc 100
memsh> p=$(malloc 200k)
memsh> touch $p 16k
```

## Guessing

```predict
memsh> alloc_pages 4
How many free blocks of order 4 has Normal then?
= buddy.Normal.4
```

## The last

```console
memsh> echo done $?
memsh> exit 3
$ memsh --ram 32M
memsh> grep MemTotal /proc/meminfo
```
"""


class Lecture(Terminal):
    """A terminal with a lesson in it."""

    def __init__(self, home: Path, columns: int, rows: int) -> None:
        (home / "small.md").write_text(LESSON)
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        env = {"HOME": str(home), "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        arguments = ["-m", "memsh", "lesson", "./small.md"]
        self.child = pexpect.spawn(sys.executable, arguments, dimensions=(rows, columns), env=env, cwd=str(home))

    @property
    def status(self) -> str:
        return self.lines[-1]

    def at(self, step: str) -> None:
        self.until(lambda: self.status.startswith(f" step {step}"))


@pytest.fixture(params=[(80, 24), (60, 20)], ids=["80x24", "60x20"])
def lecture(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Lecture]:
    made = Lecture(tmp_path, *request.param)
    yield made
    made.child.close(force=True)


def test_through_a_lesson_with_its_keys(lecture: Lecture) -> None:
    lecture.at("1/12")
    lecture.see("A lesson of three sections.")
    lecture.type(" ")
    lecture.at("2/12")
    lecture.type(" ")
    lecture.at("3/12")
    lecture.see("$1 = 0x8153e10  minflt 0 majflt 0")
    lecture.type("  ")  # the second key ends the typing of the first command, the next goes on
    lecture.at("4/12")
    lecture.type(" ")
    lecture.see("minflt 4 majflt 0")
    lecture.at("5/12")
    lecture.type("b")
    lecture.at("4/12")
    lecture.until(lambda: "minflt 4" not in lecture.text)
    lecture.type(" ")
    lecture.at("5/12")
    lecture.see("minflt 4 majflt 0")  # the box went back too
    lecture.type("r")
    lecture.at("2/12")
    lecture.type("/guess\r")
    lecture.at("6/12")
    lecture.type(" ")
    lecture.see("your answer")
    lecture.type("77\r")
    lecture.see("not 77.")
    lecture.until(lambda: "0/1 right" in lecture.status)
    lecture.type("b")
    lecture.at("6/12")
    lecture.type(" ")
    lecture.see("your answer")
    lecture.type(" ")
    lecture.see("It is ")
    lecture.type("/nowhere\r")
    lecture.see("no section has 'nowhere'")
    lecture.type("q")
    assert lecture.ended() == 0


def test_a_shell_to_try_things_and_back_to_exactly_there(lecture: Lecture) -> None:
    lecture.at("1/12")
    lecture.type("  ")
    lecture.at("2/12")
    lecture.type(" ")
    lecture.at("3/12")
    lecture.type("s")
    lecture.until(lambda: "try memsh>" in lecture.text)
    lecture.type("malloc 100\r")
    lecture.see("$2 = 0x8153e80")
    lecture.type("procdump /tmp/x\r")
    lecture.see("which this session may not")
    lecture.at_prompt()
    lecture.type("\x04")
    lecture.at("3/12")
    lecture.until(lambda: "try memsh>" not in lecture.text)
    lecture.type("\x03")
    lecture.see("space on")
    lecture.type("x")
    lecture.type("q")
    assert lecture.ended() == 0


def opener() -> Playing:
    return Playing(read_lesson("small.md", LESSON), open_session)


def test_a_step_takes_no_longer_than_a_tenth_of_a_second() -> None:
    playing = opener()
    times = []
    while playing.step is not None:
        begun = time.process_time()
        playing.forward("3")
        times.append(time.process_time() - begun)
    assert sorted(times)[len(times) // 2] < 0.1  # at most 100 ms each on a quiet machine
    assert playing.kept[1] is playing.kept[2] is not playing.kept[3]  # prose leaves the box alone
    assert playing.at == playing.total == 12 and playing.answered == 1


def everything(playing: Playing) -> list[str]:
    names = ("buddyinfo", "slabinfo", "vmstat", "self/smaps", "uptime")
    return [tree.show(playing.session.box, f"/proc/{name}") for name in names]


@pytest.mark.parametrize("freeze", [False, True])
def test_back_is_the_way_forward_in_reverse(freeze: bool) -> None:
    playing = opener()
    playing.freeze = freeze
    states: list[list[str]] = []
    while playing.step is not None:
        states.append(everything(playing))
        playing.forward("1")
    while states:
        assert playing.back()
        assert everything(playing) == states.pop()
    assert not playing.back() and playing.answered == 0
    playing.go_to(5)
    again = everything(playing)
    with playing.trying() as session:
        session.run("alloc_pages 5; fork; sleep 3 & exec a.out; undo; snapshot A")
        assert everything(playing) != again
    assert everything(playing) == again and not playing.session.timeline.snapshots
    assert list(playing.session.variables) == ["p"]


def test_undo_in_a_lesson_and_back() -> None:
    text = "# T\n```console\nmemsh> malloc 100\nmemsh> malloc 100\nmemsh> undo\nmemsh> malloc 100\nmemsh> undo\n```\n"
    playing = Playing(read_lesson("t.md", text), open_session)
    playing.go_to(6)
    printed = [shown.output for shown in playing.shown]
    assert "undone" in printed[3] and printed[4] == printed[2]
    playing.go_to(3)
    playing.go_to(6)
    assert [shown.output for shown in playing.shown] == printed


def test_sections_are_found() -> None:
    playing = opener()
    assert playing.find("GUESS") == [2] and playing.find("3") == [3] and playing.find("zzz") == []
    assert playing.find("t") == [3, 0]
    playing.go_to(9)
    assert playing.find("l") == [0, 1, 3]


def test_without_a_terminal_it_is_plain_text() -> None:
    text = "".join(as_text(read_lesson("small.md", LESSON), open_session, 60))
    assert text.startswith("Small things\n============\n\nA lesson of three sections.\n")
    assert "memsh> touch $p 16k\nminflt 4 majflt 0\n" in text and "\x1b" not in text
    assert "Question: How many free blocks of order 4 has Normal then?\n" in text and "\nIt is " in text
    assert "$ memsh --ram 32M\n" in text and text.endswith(" kB\n")


def test_drawing() -> None:
    assert wrapped("abcdef\n\n\tx", 4) == ["abcd", " ef", "", " x"]
    assert wrapped("in all 63 blocks", 9) == ["in all 63", "  blocks"]
    plain = rendered("# T\n\nSome `code` **here**.\n", 40, False)
    assert "Some code here." in plain and not any("\x1b" in line for line in plain)
    assert any("\x1b" in line for line in rendered("**x**", 40, True))


def test_a_bad_figure_is_one_line_and_the_lesson_goes_on() -> None:
    text = "# T\n```quiz\nWhat?\n= nonsense.9\n```\n```predict\nmemsh> true\nWhich?\n= value\n```\n"
    playing = Playing(read_lesson("t.md", text), open_session)
    playing.go_to(3)
    assert playing.shown[1].verdict == "t.md:2: 'nonsense.9' is not a figure (man expect)"
    assert playing.shown[2].verdict == "t.md:6: the command yielded no value"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["lesson"], 0, "lesson NAME plays one."), (["lesson", "nosuch"], 1, "there is no lesson nosuch"),
        (["lesson", "a", "b"], 2, "one word too many"), (["lesson", "/etc/none.md"], 1, "No such file or directory"),
    ],
)  # fmt: skip
def test_memsh_lesson(words: list[str], status: int, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    from memsh.cli import main

    assert main(words) == status
    out = capsys.readouterr()
    assert said in out.out + out.err and out.err.count("\n") == (status != 0)


def test_the_command_lesson(tmp_path: Path) -> None:
    (tmp_path / "small.md").write_text(LESSON)
    out = io.StringIO()
    session = open_session([], out, out)
    before = tree.show(session.box, "/proc/vmstat")
    assert session.run(f"lesson {tmp_path}/small.md | grep -c memsh") == 0
    assert int(out.getvalue()) >= 6
    assert tree.show(session.box, "/proc/vmstat") == before




def test_a_lesson_sends_no_escapes_to_the_terminal() -> None:
    assert wrapped("a\x1b]0;x\x07b", 40) == ["a^[]0;x^Gb"]
    assert "\x1b" not in "".join(rendered("some \x1b]0;x\x07 text", 40, False))


def test_a_question_that_nobody_can_answer_is_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lesson = tmp_path / "x.md"
    lesson.write_text("# T\n\nText.\n\n```quiz\nHow many?\n= value of 'true'\n```\n")
    assert main(["lesson", str(lesson)]) == 2
    assert "x.md:5: 'true' yields no value" in capsys.readouterr().out
