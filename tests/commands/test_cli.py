"""memsh's own argv, as a process: statuses, scripts, closed pipes, Ctrl-C, refusals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.paths import REFERENCE

TREE = str(REFERENCE / "captures" / "256M-1cpu" / "s2")
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTEST_CURRENT_TEST"}


def memsh(*argv: str, stdin: str = "") -> tuple[str, str, int]:
    command = [sys.executable, "-m", "memsh", *argv]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, env=ENVIRONMENT, check=False)
    return done.stdout, done.stderr, done.returncode


def recorded(*argv: str, stdin: str = "") -> tuple[str, str, int]:
    return memsh("--proc", TREE, *argv, stdin=stdin)


def test_commands_run_one_after_the_other_and_the_last_status_counts() -> None:
    assert recorded("-c", "x=1", "-c", "echo $x; false") == ("1\n", "", 1)
    assert recorded("-c", "exit 7; echo no")[2] == 7


def test_a_script_on_standard_input() -> None:
    assert recorded(stdin="echo one\nfor i in 1 2; do\n echo $i\ndone\nfalse\n") == ("one\n1\n2\n", "", 1)


def test_script_files(tmp_path: Path) -> None:
    script = tmp_path / "a.memsh"
    script.write_text("# why\necho a\nfalse\necho b\n")
    assert recorded(str(script)) == ("a\nb\n", "", 0)
    assert recorded("-x", str(script))[0] == "# why\nmemsh> echo a\na\nmemsh> false\nmemsh> echo b\nb\n"
    out, err, status = recorded("-e", str(script))
    assert (out, status) == ("a\n", 1)
    assert err == f"memsh: {script}:3: stopped at the first failing command (status 1)\n"


def test_script_errors_name_file_and_line(tmp_path: Path) -> None:
    script = tmp_path / "b.memsh"
    script.write_text("echo a\nxyzzyq\n")
    assert recorded(str(script)) == (
        "a\n",
        f"{script}:2: xyzzyq: command not found (help lists what there is)\n",
        127,
    )
    script.write_text('echo a\necho "b\n')
    assert recorded(str(script)) == ("a\n", f'{script}:2:6: syntax error: the quote " is never closed\n', 2)


def test_what_the_shell_itself_refuses_names_the_line_and_what_a_program_says_does_not(tmp_path: Path) -> None:
    script = tmp_path / "c.memsh"
    script.write_text(
        "readonly r=1\nr=2\necho x > /nope/f\nsort --nope\nexpr 1 +\nnosuchone\nkfree 0x24\n"
        "echo 9999 > /proc/sys/vm/swappiness\necho ${x:?wanted}\n"
    )
    assert memsh(str(script))[1] == (
        f"{script}:2: r: readonly variable\n"
        f"{script}:3: /nope/f: No such file or directory\n"
        "sort: unrecognized option '--nope'\nTry 'sort --help' for more information.\n"
        "expr: syntax error: missing argument after '+'\n"
        f"{script}:6: nosuchone: command not found (help lists what there is)\n"
        "kfree: Invalid argument\n"
        "echo: write error: Invalid argument\n"
        f"{script}:9: x: wanted\n"
    )


@pytest.mark.parametrize(
    ("argv", "status", "words"),
    [
        (["--bogus"], 2, "there is no option --bogus"), (["-c"], 2, "-c needs a value"),
        (["no.memsh"], 127, "No such file"),
        (["--ram", "5G", "-c", "true"], 2, "RAM must be from 32M to 4G"),
        (["--ram", "x", "-c", "true"], 2, "not a size"),
        (["--cpus", "0", "-c", "true"], 2, "CPUs must be"), (["--age", "x", "-c", "true"], 2, "not a time"),
        (["--width", "3", "-c", "true"], 2, "20 to 1000"), (["--proc", "/nonexistent", "-c", "true"], 1, "--proc"),
        (["--from", "/nonexistent", "-c", "true"], 1, "--from"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_said_in_one_line(argv: list[str], status: int, words: str) -> None:
    out, err, ended = memsh(*argv)
    assert (out, ended, err.count("\n")) == ("", status, 1)
    assert err.startswith("memsh: ")
    assert words in err


def test_help_and_version() -> None:
    assert memsh("--version") == ("memsh 0.1.0\n", "", 0)
    assert memsh("-h")[0].startswith("usage: memsh")


def test_a_recorded_tree_is_read_and_nothing_else(tmp_path: Path) -> None:
    assert recorded("-c", "cat /proc/buddyinfo")[0] == Path(TREE, "buddyinfo").read_text()
    flat = str(REFERENCE / "boot-1g-1cpu")
    maps = Path(flat, "self_maps").read_text()
    assert memsh("--proc", flat, "-c", "cat /proc/self/maps") == (maps, "", 0)
    (tmp_path / "inside").write_text("in\n")
    (tmp_path / "out").symlink_to("/etc/passwd")
    (tmp_path / "link").symlink_to("inside")
    os.mkfifo(tmp_path / "pipe")
    script = (
        "cat /proc/inside /proc/link; cat /proc/out; cat /proc/pipe; cat /proc/../etc/passwd; echo x > /proc/inside"
    )
    out, err, status = memsh("--proc", str(tmp_path), "-c", script)
    assert out == "in\nin\n"
    assert [line.rpartition(": ")[2] for line in err.splitlines()] == [
        "No such file or directory", "Invalid argument", "No such file or directory", "Read-only file system",
    ]  # fmt: skip
    assert status == 1
    assert (tmp_path / "inside").read_text() == "in\n"


def test_without_a_kernel_its_commands_say_so() -> None:
    assert recorded("-c", "kmalloc 64")[1:] == (
        "kmalloc: needs a kernel, and --proc has none: it reads a recorded /proc\n", 1,
    )  # fmt: skip


def test_a_closed_pipe_ends_quietly() -> None:
    line = f"{sys.executable} -m memsh --proc {TREE} -c 'while true; do echo x; done' | head -1"
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, env=ENVIRONMENT, timeout=30, check=False
    )
    assert (done.stdout, done.stderr) == ("x\n", "")


@pytest.mark.parametrize("line", ["while true; do true; done; echo no", "seq 1e12 | sort", "yes > /dev/null"])
def test_ctrl_c_ends_what_runs(line: str) -> None:
    argv = [sys.executable, "-m", "memsh", "--proc", TREE, "-c", f"echo ready >&2; {line}"]
    running = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert running.stderr is not None
    assert running.stderr.readline() == "ready\n"
    time.sleep(0.2)
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=20)
    assert (out, err, running.returncode) == ("", "memsh: interrupted\n", 130)


def test_a_program_at_the_other_end_of_a_pipe_reads_each_answer_before_it_types_the_next() -> None:
    talk = subprocess.Popen(
        [sys.executable, "-m", "memsh", "--ram", "64M"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, env=ENVIRONMENT,
    )  # fmt: skip
    assert talk.stdin is not None and talk.stdout is not None

    def says(typed: str) -> str:
        assert talk.stdin is not None and talk.stdout is not None
        talk.stdin.write(typed)
        talk.stdin.flush()
        return talk.stdout.readline()

    assert says("echo one\n") == "one\n"
    assert says("for x in a\ndo\necho $x\ndone\n") == "a\n"
    assert says("echo b \\\nc\n") == "b c\n"
    assert says(")\n") == "memsh: syntax error: ')' cannot stand here: a command is expected (line 8, column 1)\n"
    talk.stdin.close()
    assert talk.stdout.read() == ""
    talk.stdout.close()
    assert talk.wait(timeout=30) == 2


def test_what_the_end_of_input_leaves_unfinished() -> None:
    out, err, status = recorded(stdin="echo one\n\nif true; then\necho two\n")
    assert (out, status) == ("one\n", 2)
    assert err == "memsh: syntax error: if is not finished: fi is missing (line 3, column 1)\n"
