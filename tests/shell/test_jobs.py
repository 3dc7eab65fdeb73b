"""Background jobs: they work when the box's clock moves, and in an order that depends on nothing else."""

from importlib import import_module
from types import SimpleNamespace

import pytest

from memsh.linux.config import MIB, Config
from memsh.linux.kernel.printk import Printk
from memsh.linux.kernel.timer import Timer
from memsh.machines.box import Box
from memsh.shell.jobs import Job
from tests.shell.harness import session
from tests.textutils.boxed import boxed


def play(text: str) -> tuple[str, str, int]:
    import_module("memsh.commands.machine")
    import_module("memsh.commands.killing")
    made, out, err = session()
    made.box = SimpleNamespace(timer=Timer(Printk()), plain=False, settle=list)
    status = made.run(text)
    return out.getvalue(), err.getvalue(), status


def test_a_job_runs_until_it_sleeps_and_wakes_with_the_clock() -> None:
    text = "for i in 1 2 3; do echo j$i; sleep 2; done &\necho front; sleep 3; echo later; jobs; sleep 10; jobs; "
    text += "echo end"
    job = "for i in 1 2 3;\ndo\n    echo j$i; sleep 2;\ndone"
    lists = f"[1]+  Running                 {job} &\n", f"[1]+  Done                    {job}\n"
    assert play(text) == (f"j1\nfront\nj2\nlater\n{lists[0]}j3\n{lists[1]}end\n", "", 0)


def test_jobs_take_turns_by_time_then_by_number() -> None:
    text = "while true; do echo a; sleep 2; done &\nwhile true; do echo b; sleep 1; done &\n"
    text += "sleep 2; kill %1 %2; sleep 9"
    assert play(text)[0].split() == ["a", "b", "b", "a", "b"]


def test_a_job_that_never_sleeps_does_not_stop_the_session() -> None:
    listed = "[1]+  Terminated              while true; do\n    true;\ndone\n"
    assert play("while true; do true; done & echo front; kill %1; jobs; jobs") == (f"front\n{listed}", "", 0)


def test_a_command_that_never_ends_gives_way_too() -> None:
    line = "gawk 'BEGIN {while (1) n++}' & echo front; kill %1; jobs"
    assert boxed(line) == ("front\n[1]+  Terminated              gawk 'BEGIN {while (1) n++}'\n", "", 0)


def test_a_job_that_is_over_at_once() -> None:
    assert play("false & echo $?; jobs") == ("0\n[1]+  Exit 1                  false\n", "", 0)
    assert play("{ exit 3; } & echo on") == ("on\n", "", 0)
    assert play("xyzzyq & echo on")[:2] == ("on\n", "xyzzyq: command not found (help lists what there is)\n")


def test_wait_lets_the_clock_move_until_the_jobs_have_ended() -> None:
    import_module("memsh.commands.killing")
    made, out, err = session()
    made.box = Box(Config(ram=64 * MIB))
    before = made.box.timer.usec
    assert made.run("sleep 3 & { sleep 5; echo late; } & wait; jobs; wait") == 1
    assert (out.getvalue(), err.getvalue()) == ("late\n", "wait: No child processes\n")
    assert made.box.timer.usec == before + 5_000_000


def test_a_job_that_is_not_there() -> None:
    assert play("kill %1") == ("", "kill: %1: no such job\n", 1)
    assert play("sleep 9 & kill -0 %1; jobs") == ("[1]+  Running                 sleep 9 &\n", "", 0)


def test_a_job_whose_thread_dies_before_it_could_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The host had no memory for what a thread does first, and says so nowhere."""
    monkeypatch.setattr(Job, "_work", lambda job: None)
    assert play("sleep 1 &\njobs; echo here") == ("here\n", "memsh: the host gives no more threads\n", 0)


def test_ctrl_c_is_for_the_line_that_lets_a_job_work() -> None:
    made, out, _err = session()
    made.box = SimpleNamespace(timer=Timer(Printk()), plain=False, settle=list)
    made.run("while true; do true; done &")
    made.interrupted = True
    assert made.run("sleep 100; echo on") == 130
    assert made.box.timer.usec < 100_000_000 and out.getvalue() == ""
    assert made.run("jobs") == 0
    assert out.getvalue() == "[1]+  Running                 while true; do\n    true;\ndone &\n"
    made.run("kill %1; jobs")
    assert [line[6:16] for line in out.getvalue().splitlines() if line[0] == "["] == ["Running   ", "Terminated"]
    assert not made.jobs


def test_a_job_may_end_itself_and_nothing_it_runs_holds_that_up() -> None:
    assert play("{ sleep 1; kill $BASHPID; echo no; } & sleep 3; wait %1; echo $?") == ("143\n", "", 0)


def test_what_has_ended_is_meant_until_it_was_waited_for() -> None:
    line = "(exit 7) & wait %+; echo $?; (exit 8) & sleep 9 & wait %%; echo $?; wait %1; echo $?; wait %1; echo $?"
    assert play(line) == ("7\n0\n8\n127\n", "wait: %1: no such job\n", 0)


def test_timeout_ends_what_it_began_and_nothing_beside_it() -> None:
    """Neither the line that goes on beside a job, nor the reader of its pipe."""
    said = {
        "timeout 2 sleep 10 & sleep 1; echo a; sleep 2; wait $!; echo $?": "a\n124\n",
        "(timeout 2 sleep 10; echo in $?) & sleep 3; echo here": "in 124\nhere\n",
        "timeout 5 timeout 1 sleep 9; echo $?; timeout 1 timeout 5 sleep 9; echo $?": "124\n124\n",
        "timeout 2 yes | (sleep 5; echo x); echo ${PIPESTATUS[@]}": "x\n141 0\n",
        "timeout 3 bash -c 'yes | sleep 9'; echo $?; timeout 1 bash -c 'sleep 5 & wait'; echo $?": "124\n124\n",
    }
    for line, words in said.items():
        assert boxed(line) == (words, "", 0), line
