"""Whom the OOM killer chooses while it comes back from fork or executes a program: it dies, and nobody else."""

import io
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.inspect.check import check
from memsh.shell.session import Session
from tests.observing import differing, session_seen

GROUP = "/sys/fs/cgroup/c"


@pytest.fixture
def typed(request: pytest.FixtureRequest) -> Session:
    """Process 53 and its child 54, which has yet to return from fork, in a group that may have no more memory."""
    session = open_session(["--arch", "x86_64", "--ram", "64M"], io.StringIO(), io.StringIO())
    for line in (
        "p=$(mmap 1M rw)", "touch $p 200k", "b=$(fork)", f"mkdir {GROUP}",
        "echo +memory > /sys/fs/cgroup/cgroup.subtree_control", f"echo 0 > {GROUP}/cgroup.procs",
        f"echo $b > {GROUP}/cgroup.procs", f"echo {request.param} > {GROUP}/memory.max",
    ):  # fmt: skip
        assert session.run(line) == 0, line
    return session


def told(session: Session) -> str:
    return session.stdout.stream.getvalue() + session.stderr.stream.getvalue()  # type: ignore[attr-defined, no-any-return]


@pytest.mark.parametrize("typed", ["0"], indirect=True)
@pytest.mark.parametrize("line", ["switch $b", "as $b echo it runs on"])
def test_a_child_that_cannot_return_from_fork_does_nothing_more(typed: Session, line: str) -> None:
    assert typed.run(line) == 137
    text = told(typed)
    assert "Killed process 54 (a.out)" in text and "\nKilled\nprocess 54 (a.out) has ended; 1 (init) is current" in text
    assert "it runs on" not in text and 54 not in typed.box.tasks
    assert typed.box.current.pid == (53 if line.startswith("as") and 53 in typed.box.tasks else 1)
    assert not list(check(typed.box))


@pytest.mark.parametrize("typed", ["100k", "600k"], indirect=True)
def test_a_program_that_cannot_be_loaded_kills_its_process_alone(typed: Session) -> None:
    assert typed.run("exec a.out") == 137
    assert told(typed).endswith("process 53 (a.out) has ended; 1 (init) is current "
                                "(run a.out starts another, undo takes it back)\n")  # fmt: skip
    assert typed.run("run a.out") == 0
    assert not list(check(typed.box))


@pytest.mark.parametrize("typed", ["100k"], indirect=True)
def test_what_init_starts_is_charged_to_its_own_group(typed: Session) -> None:
    current = typed.box.current
    assert typed.run("stress --vm 1 --vm-bytes 3M -t 1s") == 0
    assert typed.box.current is current and "Killed" not in told(typed)


@pytest.mark.parametrize("typed", ["0"], indirect=True)
@pytest.mark.parametrize("line", ["> /x", "exec 3> /x", "echo hi 2> /x", "(echo hi) > /x", "{ echo hi; } > /x"])
def test_who_is_killed_by_the_opening_of_a_file_dies_with_that_command(typed: Session, line: str) -> None:
    assert typed.run(line) == 1
    text = told(typed)
    assert text.count("Killed process 53 (a.out)") == text.count("process 53 (a.out) has ended") == 1
    assert not typed.box.oom.victim and not list(check(typed.box))


@pytest.mark.parametrize("typed", ["0"], indirect=True)
def test_a_session_in_which_a_redirection_killed_comes_back_the_same(typed: Session, tmp_path: Path) -> None:
    typed.at_prompt = True
    typed.run("exec 3> /x")
    typed.run("x=$(compare 'fork' 'malloc 5' | wc -l)")  # both sides go on from the box as it is
    typed.run(f"save {tmp_path}/saved")
    again = open_session(["--arch", "x86_64", "--ram", "64M"], io.StringIO(), io.StringIO())
    again.run(f"source {tmp_path}/saved")
    assert differing(session_seen(typed), session_seen(again)) == []
