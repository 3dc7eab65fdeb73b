"""What would take more of the host than is sane ends with one line, and the box is whole."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.commands import processes
from memsh.inspect import check
from memsh.shell.session import Session
from memsh.textutils import numbers

ROOT = Path(__file__).parent.parent.parent


def ran(script: str) -> tuple[Session, str, str]:
    out, err = io.StringIO(), io.StringIO()
    made = open_session(["--ram", "64M"], out, err)
    made.run(script)
    return made, out.getvalue(), err.getvalue()


def test_a_loop_may_heed_the_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOST_PROCESSES", 60)
    loops = "while true; do fork > /dev/null || break; done; echo out; x=a; while x=$x$x; do true; done; echo of"
    _, out, err = ran(loops + "\n")
    assert out == "out\nof\n"
    assert err.count("\n") == 2


def test_a_variable_that_doubles_itself() -> None:
    made, out, err = ran("x=a\nwhile true; do x=$x$x; done; echo never\necho after\n")
    assert err == "memsh: Argument list too long\n"
    assert out == "after\n"
    assert check.check(made.box) == []


def test_a_million_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "MOST_PROCESSES", 60)
    made, _, err = ran("for i in $(seq 1 1000000); do fork > /dev/null; done; echo never\nrun a.out\n")
    refusal = "there are 60 processes, and 60 are as many as memsh keeps\n"
    assert err == f"fork: {refusal}run: {refusal}"
    assert len(made.box.tasks) == 60
    assert check.check(made.box) == []
    made.run("undo")
    assert len(made.box.tasks) < 60


def test_counting_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbers, "MOST_NUMBERS", 50_000)
    _, out, err = ran("seq 1e12 | head -2; seq 1 1e12 > /dev/null; echo $?\nx=$(seq 1e12)\n")
    assert out == "1\n2\n1\n"
    assert err == "seq: 50000 numbers were printed, and that is as far as it counts here\n" * 2


@pytest.mark.parametrize(
    "line",
    ["echo " + "x" * (1 << 20), "(" * (1 << 18), "echo " + "$(" * 50_000, "a;" * 4_000, "'" + "x" * (1 << 20),
     "\0\1\2", "\x1b[2J", "${", "echo " + "{" * 5000, "$((" + "(" * 20_000, "! " * 2000 + "true", "x" * (1 << 20)],
)  # fmt: skip
def test_lines_that_nobody_types(line: str) -> None:
    made, _, err = ran(line + "\n")
    assert "bug" not in err
    assert err.count("\n") < 20_001
    made.run("echo still here")
    assert check.check(made.box) == []


def test_bytes_that_are_no_text() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "memsh", "--ram", "64M"], input=bytes(range(256)) * 40 + b"\necho still here\n",
        capture_output=True, cwd=ROOT, check=False, timeout=60,
    )  # fmt: skip
    assert b"Traceback" not in answer.stderr and b"bug" not in answer.stderr
    assert answer.returncode in (0, 2, 127)


def test_a_reader_that_goes_away() -> None:
    for script in ("cat /proc/slabinfo", "yes", "while true; do echo x; done", "seq 1000000"):
        line = f"{sys.executable} -m memsh --ram 64M -c '{script}' | head -1"
        answer = subprocess.run(line, shell=True, capture_output=True, cwd=ROOT, check=True, timeout=60)
        assert answer.stderr == b""
        assert answer.stdout.count(b"\n") == 1
