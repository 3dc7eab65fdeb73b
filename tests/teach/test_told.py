"""Commands that belong to the session: alone in their line, and inert where that is replayed."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.shell.session import Session
from tests.observing import differing, session_seen


def session(*lines: str) -> tuple[Session, io.StringIO]:
    out = io.StringIO()
    made = open_session(["--ram", "64M"], out, out)
    for line in lines:
        made.run(line)
    return made, out


NESTED = [
    "y=$({})", "true && {}", "for i in 1; do {}; done", "if true; then {}; fi", "f() {{ {}; }}; f", "{} &", "( {} )",
    "{{ {}; }}", "eval '{}'", "true | xargs {}", "echo $( {} | cat )", "while {}; do break; done", "cat <({})",
    "trap '{}' EXIT; (trap '{}' EXIT)", "as 1 {}",
]  # fmt: skip


@pytest.mark.parametrize("frame", NESTED)
@pytest.mark.parametrize("command", ["undo", "snapshot one", "restore zero", "reset"])
def test_a_journey_is_refused_inside(frame: str, command: str) -> None:
    made, out = session("x=1", "snapshot zero", "malloc 1M; x=2")
    box = made.box
    made.run(frame.replace("{}", command).replace("{{", "{").replace("}}", "}"))
    assert made.box is box
    assert made.variables["x"] == "2"
    assert "only as a line of its own" in out.getvalue() or frame.startswith("trap")
    assert sorted(made.timeline.snapshots) == ["zero"]


@pytest.mark.parametrize("line", ["undo", "undo > /dev/null", "undo | cat", "alias u=undo; u", "sudo undo", "! undo"])
def test_a_journey_alone(line: str) -> None:
    made, _ = session("x=1; malloc 5", "x=2; malloc 1M", line)
    assert len(made.values) == 1


ASKING = [
    "p=$(history)", "malloc 10k && diff /proc/meminfo > /tmp/d", "n=$(diff /proc/meminfo | wc -l)",
    "if diff /proc/buddyinfo > /dev/null; then malloc 1k; else malloc 2k; fi",
    "for i in 1 2 3; do kmalloc 64; diff /proc/slabinfo | grep kmalloc-64 >> /tmp/e; done",
    "compare 'malloc 1M' 'kmalloc 64' | tee /tmp/c", "o=$(owner $k | head -3)", "undo | tee /tmp/u",
]  # fmt: skip


@pytest.mark.parametrize("line", ASKING)
def test_what_was_heard_is_heard_again(line: str, tmp_path: Path) -> None:
    made, _ = session("k=$(kmalloc 64)", "malloc 1M", line, "malloc 7")
    saved = tmp_path / "saved"
    made.run(f"save {saved}")
    there = session_seen(made)
    again, _ = session(f"source {saved}")
    assert not differing(there, session_seen(again))
    made.run("undo 2; redo 2")
    assert not differing(there, session_seen(made))


def test_a_saved_script_writes_nothing_to_the_host(tmp_path: Path) -> None:
    dump, saved = tmp_path / "dump", tmp_path / "saved"
    made, _ = session(f"malloc 10k && procdump {dump} > /tmp/n", f"save {saved}")
    assert dump.is_dir()
    for path in sorted(dump.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
    dump.rmdir()
    again, _ = session(f"source {saved}")
    assert not dump.exists()
    assert not differing(session_seen(made), session_seen(again))


def test_a_journey_that_is_cut_leaves_everything() -> None:
    made, _ = session("malloc 1M", "snapshot a", "for i in $(seq 2000); do kmalloc 64; done", "x=5", "kmalloc 100")
    made.timeline.points.clear()
    made.run("sleep 100 &")
    for line in ("undo", "restore a", "owner 0x1000", "diff /proc/meminfo"):
        before, box, entries, jobs = session_seen(made), made.box, list(made.timeline.entries), list(made.jobs)
        poll, left = made.poll, [300]

        def press(poll=poll, left=left) -> None:  # type: ignore[no-untyped-def]
            left[0] -= 1
            made.interrupted = made.interrupted or left[0] == 0
            poll()

        made.poll = press  # type: ignore[method-assign]
        made.run(line)
        made.poll = poll  # type: ignore[method-assign]
        if line != "restore a":  # its state was there: nothing was replayed
            assert made.last_status == 130, line
            assert made.box is box
            assert made.timeline.entries == entries
            assert made.jobs == jobs
            assert not differing(before, session_seen(made))
    made.run("undo")
    assert [job.text for job in made.jobs] == ["sleep 100"]  # restore ended it, undo took the restoring back
