"""Time travel in a session with background jobs: they belong to the box that they work on."""

from __future__ import annotations

import io
from pathlib import Path

from memsh.cli import open_session
from memsh.inspect import check
from memsh.shell.session import Session
from tests.teach.test_timetravel import texts

WORKER = "while true; do malloc 1M; sleep 1; done &"


def session(*lines: str) -> tuple[Session, io.StringIO]:
    out = io.StringIO()
    made = open_session([], out, out)
    for line in lines:
        made.run(line)
    return made, out


def jobs(made: Session) -> list[tuple[int, int, str]]:
    return [(job.number, job.wake, job.text) for job in made.jobs]


def test_a_job_that_has_not_worked_yet_is_saved(tmp_path: Path) -> None:
    made, _ = session("(sleep 5; malloc 10k) &", "malloc 5", f"save {tmp_path / 's'}")
    again, _ = session(f"source {tmp_path / 's'}")
    assert jobs(again) == jobs(made) != []
    for one in (made, again):
        one.run("sleep 9")
    assert texts(again) == texts(made)
    assert len(made.values) == 2


def test_undo_and_redo_leave_the_job_at_work() -> None:
    made, out = session(WORKER, "sleep 10", "malloc 5")
    after = texts(made), jobs(made)
    made.run("undo")
    assert jobs(made) == after[1]
    made.run("redo")
    assert (texts(made), jobs(made)) == after
    out.truncate(0)
    made.run("sleep 3")
    assert out.getvalue().count("minflt") == 3, "a job that a replay began is heard afterwards"
    assert check.check(made.box) == []


def test_a_look_back_does_not_touch_the_job() -> None:
    made, _ = session(WORKER, "sleep 10", "malloc 5")
    before = texts(made), jobs(made)
    for line in ("diff /proc/meminfo", "explain", "owner 0x1000", "compare 'sleep 3' 'sleep 5'", "explain -n sleep 9"):
        made.run(line)
        assert (texts(made), jobs(made)) == before, line


def test_a_snapshot_brings_the_job_back() -> None:
    made, _ = session(WORKER, "sleep 3", "snapshot a")
    kept = texts(made), jobs(made)
    made.run("kill %1\nmalloc 9\nrestore a")
    assert (texts(made), jobs(made)) == kept
    made.run("undo")
    assert jobs(made) == []


def test_a_killed_job_ends_wherever_it_stands() -> None:
    made, out = session("while true; do (sleep 1); echo x; done &", "sleep 2", "kill %1")
    out.truncate(0)
    made.run("sleep 5")
    assert made.jobs == [] and "x" not in out.getvalue()
    made.run("(sleep 5; kill $BASHPID; echo no) &\nsleep 9")
    assert made.jobs == [] and "no" not in out.getvalue()
