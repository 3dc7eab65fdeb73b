"""undo, redo, snapshot, restore, reset, save, diff."""

from __future__ import annotations

import io
import random
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.inspect import check
from memsh.procfs import tree
from memsh.shell.session import Session
from tests.observing import calls

FILES = ("meminfo", "buddyinfo", "slabinfo", "zoneinfo", "vmstat", "vmallocinfo", "self/smaps", "self/status", "stat")
LINES = (
    "malloc 1M", "malloc 100", "touch $1 4096", "fork", "run a.out", "kmalloc 64", "alloc_pages 3", "vmalloc 20k",
    "cat /proc/meminfo", "free -m", "sleep 3", "x=$1", "name p", "for i in 1 2 3; do malloc 5000; done", "false",
    "echo 5 > /tmp/f", "stack 32k", "mmap 1M rw populate", "kmem_cache create mine 100", "wait", "cd /proc",
)  # fmt: skip


def session() -> tuple[Session, io.StringIO]:
    out = io.StringIO()
    return open_session([], out, out), out


def texts(made: Session) -> list[object]:
    shown: list[object] = [tree.show(made.box, f"/proc/{name}") for name in FILES]
    return [*shown, list(made.values), dict(made.variables), made.cwd, made.box.current.pid]


@pytest.mark.parametrize("seed", range(3))
def test_undo_gives_back_every_text(seed: int) -> None:
    made, _ = session()
    chance = random.Random(seed)
    made.run("malloc 4096")
    for _ in range(12):
        made.run(chance.choice(LINES))
    before = texts(made)
    made.run("kmalloc 100")
    made.run("cat /proc/meminfo")
    after = texts(made)
    made.run("undo")
    assert check.check(made.box) == []
    assert texts(made) == before
    made.run("redo")
    assert texts(made) == after


def test_it_says_which_one_was_meant() -> None:
    made, out = session()
    made.run("malloc 1M\nps -p 1\nfree -m")
    out.truncate(0)
    made.run("undo")
    assert 'undone: 1 "malloc 1M"\n' in out.getvalue()
    assert made.values == []
    assert made.run("undo") == 1


def test_a_panic_can_be_undone() -> None:
    made, _ = session()
    made.run("switch 1")
    before = texts(made)
    made.run("_exit")
    assert made.box.panicked
    made.run("undo")
    assert not made.box.panicked
    assert texts(made) == before


def test_snapshots_reset_and_their_undo() -> None:
    made, _ = session()
    made.run("malloc 1M\nsnapshot a")
    before = texts(made)
    made.run("fork\nrestore a")
    assert texts(made) == before
    made.run("reset --ram 512M")
    assert made.box.config.ram == 512 << 20
    made.run("undo")
    assert texts(made) == before
    made.run("kmalloc 64\ndiff /proc/vmstat")
    assert made.run("restore b") == 1


def test_save_rebuilds_this_very_box(tmp_path: Path) -> None:
    made, _ = session()
    made.run("malloc 1M\np=$(malloc 50)\nfork\nswitch 54\nstack 64k")
    kept = tmp_path / "kept.memsh"
    assert made.run(f"save {kept}") == 0
    assert made.run(f"save {kept}") == 1
    assert made.run(f"save {kept} -f") == 0
    link = tmp_path / "link"
    link.symlink_to(kept)
    assert made.run(f"save {link} -f") == 1
    other, _ = session()
    other.run(kept.read_text())
    assert texts(other) == texts(made)


def test_undo_in_a_long_session_is_quick() -> None:
    made, _ = session()
    for _ in range(2000):
        made.run("malloc 100")
    assert calls(lambda: made.run("undo")) < 700_000  # a script keeps no checkpoint: 250 a line
    assert len(made.values) == 1999


@pytest.mark.parametrize("line", ["! undo", "! undo 4000", "sudo undo", "! undo; redo"])
def test_a_journey_whose_status_is_judged_leaves_the_language_as_it_is(line: str) -> None:
    """`set -e` still ends what fails afterwards: nothing is taken for a condition any more."""
    made, _ = session()
    made.run("kmalloc 64")
    made.run(line)
    assert made.language.tested == 0
    assert made.run("false") == 1 and made.language.last_status == 1


def test_a_checkpoint_holds_the_streams_that_exec_opened() -> None:
    made, out = session()
    made.at_prompt = True
    made.run("exec 3> /f 5<> /g; echo one >&3; seq 9 > /q; exec 4< /q; read -r x <&4")
    made.timeline.keep()
    replayed: list[str] = []
    replay = made.timeline.replay
    made.timeline.replay = lambda lines: (replayed.extend(lines), replay(lines))
    made.run("echo two >&3; echo five >&5\nread -r x <&4\nmalloc 100\nundo 2\nredo")
    out.truncate(0)
    made.run("echo three >&3; cat /f /g; read -r x <&4; echo $x")
    assert out.getvalue().endswith("one\ntwo\nthree\nfive\n3\n"), out.getvalue()
    assert "echo one >&3" not in replayed and made.box.fs.opened == made.box.copy().fs.opened
    assert check.check(made.box) == []
    made.run("compare 'echo aside >&3' 'read -r x <&4'; echo four >&3")
    assert made.run("[ \"$(cat /f)\" = $'one\\ntwo\\nthree\\nfour' ]") == 0


@pytest.mark.parametrize("line", ["snapshot s\n", "malloc 5\n"])
def test_ctrl_c_ends_a_copy_of_the_box(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = open_session(["--ram", "64M"], io.StringIO(), io.StringIO())
    made.run("malloc 3\n")
    timeline = made.timeline
    timeline.points.clear()
    timeline.cost = 1e9

    def copied(*_: object) -> None:
        made.on_sigint(2, None)

    monkeypatch.setattr(made, "copied", copied)
    assert made.run(line) == 130
    assert not timeline.snapshots and not timeline.points and made.run("true\n") == 0
