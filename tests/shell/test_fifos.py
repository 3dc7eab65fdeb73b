"""Named pipes and coprocesses where bash cannot be asked: what would wait for ever, Ctrl-C, travels in time."""

import io

from memsh.cli import open_session
from memsh.inspect import check
from memsh.shell.session import Session
from tests.textutils.boxed import boxed

JOB = "waits for what nobody is left to do: this would wait for ever\n"
NOBODY = "and no job is left that could: this would wait for ever\n"


def session(*lines: str) -> tuple[Session, io.StringIO]:
    out = io.StringIO()
    made = open_session([], out, out)
    for line in lines:
        made.run(line)
    out.seek(0)
    out.truncate()
    return made, out


def test_what_would_wait_for_ever_is_refused() -> None:
    said = {
        "cat p": ("cat: p: nobody has the pipe open for writing, " + NOBODY, 1),
        "echo x > p": ("memsh: p: nobody has the pipe open for reading, " + NOBODY, 1),
        "cat p | wc -l": ("cat: p: nobody has the pipe open for writing, " + NOBODY, 0),
        "exec 3<>p; read x <&3": ("read: nobody writes into the pipe, " + NOBODY, 1),
        "exec 3<>p; seq 20000 >&3": ("seq: the pipe is full, nobody reads it, " + NOBODY, 1),
        "cat p & wait": (f"wait: a job {JOB}", 1),
        "echo $(cat p & echo no)": (f"echo: a job in $( ) {JOB}", 1),
    }
    for line, (words, status) in said.items():
        got = boxed(f"mkfifo p; {line}")
        assert (got[1], got[2]) == (words, status), line
        boxed("rm p; jobs -p | xargs -r kill; exec 3>&-; wait")


def test_the_reader_of_a_blocked_stage_works() -> None:
    line = "rm -f p q; mkfifo p q; (cat p; echo b) | { cat > q; echo c; } & echo a > p & cat q; wait"
    assert boxed(line) == ("c\na\nb\n", "", 0)
    line = "rm -f p; mkfifo p; seq 30000 > p | { sleep 1; cat p; } | tail -1"
    assert boxed(line) == ("30000\n", "", 0)


def test_a_job_goes_on_as_soon_as_it_can() -> None:
    line = "rm -f p; mkfifo p; "
    line += "while read l; do echo got $l; done < p & exec 3>p; echo 1 >&3; echo front; exec 3>&-; jobs"
    assert boxed(line)[0].splitlines()[:2] == ["got 1", "front"]


def test_ctrl_c_ends_the_waiting() -> None:
    made, out = session("mkfifo /tmp/p", "while true; do true; done &")
    made.interrupted = True
    assert made.run("cat /tmp/p; echo no") == 130
    assert out.getvalue() == "memsh: interrupted\n"
    assert made.run("kill %1; cat /tmp/p & echo yes > /tmp/p; wait") == 0
    assert out.getvalue().endswith("yes\n")


def test_timeout_ends_the_waiting_by_the_boxs_clock() -> None:
    line = "rm -f p; mkfifo p; timeout 2 cat p; echo $?; (sleep 1; echo late > p) & timeout 3 cat p; echo $?; "
    line += "timeout 1 sh -c 'echo x > p'; echo $?; timeout 9 timeout 1 cat p; echo $?; wait"
    assert boxed(line) == ("124\nlate\n0\n124\n124\n", "", 0)


def test_a_reader_that_has_gone_is_noticed() -> None:
    got = boxed("rm -f p; mkfifo p; yes > p & head -1 p; jobs")
    assert got[0].splitlines()[0] == "y" and "Running" not in got[0]


def test_what_is_in_a_pipe_travels() -> None:
    made, out = session("mkfifo /tmp/p", "exec 3<>/tmp/p", "echo one >&3", "echo two >&3")
    made.run("undo; echo three >&3; read a <&3; read b <&3; echo $a $b")
    assert out.getvalue().splitlines()[-1] == "one three"
    assert check.check(made.box) == []


def test_a_job_that_waits_for_a_pipe_travels() -> None:
    made, out = session("mkfifo /tmp/p", "{ read x < /tmp/p; echo got $x; } &", "malloc 5", "undo", "echo hi > /tmp/p")
    assert out.getvalue() == ""
    made, out = session("mkfifo /tmp/p", "{ read x < /tmp/p; echo got $x; } &", "malloc 5")
    made.run("undo")
    made.run("echo hi > /tmp/p")
    assert out.getvalue().splitlines()[-1] == "got hi"


def test_what_the_kernel_does_not_do_with_a_named_pipe() -> None:
    line = "rm -f p; mkfifo p; mmap 4k --file p; swapon p; mkfifo /proc/p; mkfifo /sys/p; truncate -s 5 p; "
    assert boxed(line + "fallocate -l 5 p; mkfifo p/x; exec 3<>p; truncate -s 5 p; exec 3>&-")[1].splitlines() == [
        "mmap: No such device", "swapon: cannot open p: No such device",
        "mkfifo: cannot create fifo '/proc/p': No such file or directory",
        "mkfifo: cannot create fifo '/sys/p': Operation not permitted",
        "truncate: cannot open 'p' for writing: No such device or address", "fallocate: fallocate failed: Illegal seek",
        "mkfifo: cannot create fifo 'p/x': Not a directory",
        "truncate: failed to truncate 'p' at 5 bytes: Invalid argument",
    ]  # fmt: skip


def test_a_coprocess_travels() -> None:
    made, out = session("coproc cat", "echo one >&${COPROC[1]}", "malloc 5")
    made.run("undo")
    made.run("read x <&${COPROC[0]}; echo $x; exec {COPROC[1]}>&-; wait; echo ${#COPROC[@]}")
    assert out.getvalue().splitlines()[-2:] == ["one", "0"]
    assert check.check(made.box) == []
