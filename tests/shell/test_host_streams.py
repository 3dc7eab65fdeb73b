"""memsh's own streams and memory as whoever started it left them: closed, full, little."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def memsh(
    *args: str, closed: tuple[int, ...] = (), stdout: str = "", prepare: Callable[[], None] | None = None
) -> tuple[int, str, str]:  # fmt: skip
    def leave() -> None:
        if prepare is not None:
            prepare()
        for number in closed:
            os.close(number)

    with open(stdout, "w") if stdout else open(os.devnull, "w") as out:  # noqa: PTH123
        answer = subprocess.run(
            [sys.executable, "-m", "memsh", *args], cwd=ROOT, check=False, timeout=60, preexec_fn=leave, text=True,
            stdin=subprocess.DEVNULL, stdout=out if stdout else subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
    return answer.returncode, answer.stdout or "", answer.stderr


ECHO = ("--ram", "64M", "-c", "echo hi")


@pytest.mark.parametrize("closed", [(0,), (0, 2)])
def test_a_closed_input_is_an_empty_one(closed: tuple[int, ...]) -> None:
    assert memsh(*ECHO, closed=closed) == (0, "hi\n", "")
    assert memsh("--ram", "64M", "-c", "cat; read x; echo $?", closed=closed)[:2] == (0, "1\n")


@pytest.mark.parametrize("args", [ECHO, ("--version",), ("--help",), ("lesson",)])
def test_an_output_that_takes_nothing_is_told_once(args: tuple[str, ...]) -> None:
    assert memsh(*args, stdout="/dev/full") == (1, "", "memsh: write error: No space left on device\n")
    assert memsh(*args, closed=(1,))[::2] == (1, "memsh: write error: Bad file descriptor\n")
    assert memsh(*args, closed=(0, 1, 2)) == (1, "", "")


def test_what_prints_nothing_does_not_mind() -> None:
    assert memsh("--ram", "64M", "-c", "true", closed=(0, 1, 2)) == (0, "", "")
    assert memsh("--ram", "64M", "-c", "true", stdout="/dev/full") == (0, "", "")
    assert memsh("--ram", "64M", "-c", "nosuch; echo hi", closed=(2,)) == (0, "hi\n", "")


def test_a_loop_into_a_full_disk_ends() -> None:
    script = "for i in $(seq 1000); do cat /proc/meminfo; done; echo still here >&2"
    status, _, said = memsh("--ram", "64M", "-c", script, stdout="/dev/full")
    assert (status, said) == (1, "memsh: write error: No space left on device\n")


def little() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (512 << 20,) * 2)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("for i in $(seq 300); do sleep 1000 & done", "memsh: the host gives no more threads"),
        ("awk 'BEGIN {s = sprintf(\"%100000s\", \"x\"); while (1) a[i++] = s i}'", "nearly all that the host allows"),
        ("x=$(printf '%4000s'); x=$x$x$x$x$x$x$x$x; while true; do a+=(\"$x$RANDOM\"); done", "the variables hold"),
        ("reset --ram 1G; p=$(mmap 400M); fill $p 400M", "nearly all that the host allows"),
    ],
)
def test_little_memory_of_the_host_ends_a_line_clearly(script: str, said: str) -> None:
    status, _, err = memsh("--ram", "64M", "-c", script, prepare=little)
    assert status and said in err
    assert "bug" not in err and err.count("\n") < 4


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("script", ["while true; do true; done\n", "sleep 100000000\n", ""])
def test_a_script_is_ended_by_a_signal(number: int, script: str) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "memsh", "--ram", "64M"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdin is not None and child.stdout is not None
    child.stdin.write("trap 'echo ended' EXIT; echo begun\n" + script)
    child.stdin.flush()
    assert child.stdout.readline() == "begun\n"
    time.sleep(0.3)
    child.send_signal(number)
    out, err = child.communicate(timeout=20)
    assert child.returncode == 128 + number
    assert "Traceback" not in err and "bug" not in err
    assert out == "ended\n"


def test_what_comes_after_it_runs() -> None:
    lines = "p=$(mmap 400M); fill $p 400M\necho alive\nfill $p 400M\nmalloc 5; echo alive\n"
    program = """import sys; from memsh.cli import open_session
made = open_session([], sys.stdout, sys.stderr)
for line in sys.stdin: made.run(line)"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, input=lines,
                          preexec_fn=little, check=False)  # fmt: skip
    assert done.stdout.count("alive\n") == 2 and "MemoryError" not in done.stderr, (done.stdout, done.stderr)
