"""The tools as commands: over a recorded /proc, with a clock that they move."""

import io
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from memsh import textutils
from memsh.cli import main
from memsh.commands import tools
from memsh.linux.config import ARCHES, Config
from memsh.machines.box import Box
from memsh.procps.reader import FolderReader
from memsh.shell.io import IO, Input, TextInput
from memsh.shell.session import Session
from memsh.ui.fold import fold
from memsh.ui.plain import first_screen
from tests.paths import REFERENCE

MACHINE = REFERENCE / "captures" / "256M-1cpu"


textutils.load()


class Timer:
    """A clock that remembers by how much it was moved."""

    def __init__(self) -> None:
        self.usec = 0
        self.moves: list[int] = []

    def advance(self, usec: int) -> None:
        self.usec += usec
        self.moves.append(usec)


class Shell:
    """Runs lines and keeps what they print."""

    def __init__(self) -> None:
        self.timer = Timer()
        self.stdout, self.stderr = io.StringIO(), io.StringIO()
        box = SimpleNamespace(timer=self.timer, panicked=None, plain=False, settle=list)
        self.session = Session(box, stdout=self.stdout, stderr=self.stderr, stdin=Input())
        self.session.reader = FolderReader(MACHINE / "s2")

    def __call__(self, line: str) -> tuple[int, str]:
        self.stdout.truncate(self.stdout.seek(0))
        return self.session.run(line), self.stdout.getvalue()


@pytest.fixture
def shell() -> Shell:
    return Shell()


def test_screens_are_the_recorded_ones(shell: Shell) -> None:
    recorded: Callable[[str], str] = lambda name: (MACHINE / "tools" / name).read_text()  # noqa: E731
    assert shell("slabtop -o -s c") == (0, recorded("slabtop-c"))
    assert shell("vmstat -n -m") == (0, recorded("vmstat-m"))
    assert shell("pmap -XX 66") == (0, recorded("pmap-XX-66"))
    assert shell("ps v -p 1,66,67") == (0, recorded("ps-v"))
    assert shell("pgrep -l busy") == (0, recorded("pgrep"))


def test_free_is_handed_on(shell: Shell) -> None:
    out = io.StringIO()
    shell.session.stdout.stream = out  # type: ignore[attr-defined]
    surroundings = IO(shell.session, shell.session.stdout, shell.session.stderr, TextInput(""), None, "free")
    assert tools.free_tool(shell.session.box, ["-k", "-w", "-l", "-t", "-v"], surroundings) == 0
    assert out.getvalue() == (MACHINE / "tools" / "free-kwltv").read_text()


def test_repeating_moves_the_clock_of_the_box_only(shell: Shell) -> None:
    status, text = shell("vmstat 60 4")
    assert status == 0
    assert len(text.splitlines()) == 6
    assert shell.timer.moves == [60_000_000] * 3


def test_without_a_terminal_slabtop_shows_one_screen(shell: Shell) -> None:
    status, text = shell("slabtop")
    assert status == 0
    assert len(text.splitlines()) == 7 + 16
    assert not shell.timer.moves


def test_a_reader_that_has_enough_ends_the_repetition(shell: Shell) -> None:
    status, text = shell("vmstat 1 | head -5")
    assert status == 0
    assert len(text.splitlines()) == 5


def test_wrong_options_are_the_programs_own_words(shell: Shell) -> None:
    assert shell("vmstat x") == (1, "")
    assert shell.stderr.getvalue() == "vmstat: failed to parse argument: 'x'\n"
    assert shell("top") == (1, "")
    assert shell.stderr.getvalue().endswith("top: failed tty get\n")


def test_uname_and_getconf(shell: Shell) -> None:
    assert shell("uname -srm")[1] == "Linux 6.1.192 i686\n"
    assert shell("uname")[1] == "Linux\n"
    assert shell("getconf PAGESIZE")[1] == "4096\n"
    assert shell("getconf _PHYS_PAGES")[1] == "62434\n"
    assert shell("getconf LONG_BIT ; getconf ULONG_MAX")[1] == "32\n4294967295\n"
    assert shell("getconf NOSUCH")[0] == 2


@pytest.mark.parametrize(("arch", "said"), [("i386", "i686\n32\n4294967295\n"),
                                            ("x86_64", "x86_64\n64\n18446744073709551615\n")])  # fmt: skip
def test_each_machine_tells_its_own_words(
    arch: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--arch", arch, "-c", "uname -m; getconf LONG_BIT; getconf ULONG_MAX"]) == 0
    assert capsys.readouterr().out == said


def test_the_first_screen_names_its_machine_and_the_other() -> None:
    shown = {arch: first_screen(Session(Box(Config(arch=arch)))) for arch in ARCHES}
    for arch, text in shown.items():
        assert text.startswith(f"memsh: Linux 6.1, {arch}, 1024 MiB: DMA ")
        assert {other for other in ARCHES if f"reset --arch {other} " in text} == set(ARCHES) - {arch}
        assert len([row for line in text.splitlines() for row in fold(line, 60)]) < 18
