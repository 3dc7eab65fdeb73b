"""owner: the history of a frame or an object, found by replaying the session."""

from __future__ import annotations

import io

import pytest

from memsh.cli import open_session
from memsh.inspect.check import check
from memsh.procfs import tree
from memsh.teach import owner


def said(*lines: str) -> list[str]:
    screen = io.StringIO()
    session = open_session(["--ram", "128M"], screen, screen)
    for line in lines[:-1]:
        session.run(line)
    paths = ("/proc/buddyinfo", "/proc/slabinfo", "/proc/vmstat", "/proc/self/maps")
    before = [tree.show(session.box, path) for path in paths], list(session.values), dict(session.variables)
    screen.seek(0)
    screen.truncate()
    session.run(lines[-1])
    assert ([tree.show(session.box, path) for path in paths], session.values, session.variables) == before
    assert check(session.box) == []
    return screen.getvalue().splitlines()


def test_who_took_the_slot_i_freed() -> None:
    text = said("k=$(kmalloc 64)", "kfree $k", "kmalloc 60", "owner $k")
    assert [row.strip() for row in text[1:]] == [
        '1 "k=$(kmalloc 64)": object given by kmalloc for 64 bytes',
        '2 "kfree $k": object freed by kfree',
        '3 "kmalloc 60": object given by kmalloc for 60 bytes',
    ]


def test_a_frame_by_number() -> None:
    text = said("p=$(alloc_pages 2)", "free_pages $p 2", "owner $p")
    assert text[1].endswith("frame allocated, in an order-2 block at " + text[0].split()[1].rstrip(":"))
    assert text[2].endswith("frame freed")


def test_a_page_of_a_process() -> None:
    text = said("p=$(mmap 64k)", "touch $p 64k", "owner $p")
    assert text[-1].strip() == '2 "touch $p 64k": frame allocated'


def test_what_nobody_touched() -> None:
    assert "as boot left it" in said("owner 0x100")[0]
    assert "no page there" in said("p=$(mmap 4k)", "owner $p")[0]


def test_a_long_session_is_told_from_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    session = open_session(["--ram", "128M"], screen, screen)
    for line in ("k=$(kmalloc 64)", "kfree $k", "kmalloc 64"):
        session.run(line)
    session.timeline.keep()
    for line in ("kfree $k", "for i in $(seq 40000); do kmalloc 8; done", "kmalloc 64"):
        session.run(line)
    screen.seek(0)
    screen.truncate()
    monkeypatch.setattr(owner, "PATIENCE", 600.0)
    session.run("owner $k")
    whole = screen.getvalue()
    assert [row.split(":")[-1] for row in whole.splitlines()[1:]] == [
        " object given by kmalloc for 64 bytes", " object freed by kfree", " object given by kmalloc for 64 bytes",
        " object freed by kfree", " object given by kmalloc for 64 bytes",
    ]  # fmt: skip
    del session.timeline.points[1:]
    monkeypatch.setattr(owner, "PATIENCE", 0.0)
    screen.seek(0)
    screen.truncate()
    session.run("owner $k")
    told = screen.getvalue().splitlines()
    assert told[1].strip() == "the first 3 of 6 changes were not looked at: owner -a replays them, too"
    assert told[2:] == whole.splitlines()[-2:]
    screen.seek(0)
    screen.truncate()
    session.run("owner -a $k")
    assert screen.getvalue() == whole


def test_a_box_is_copied_while_the_past_is_listened_to() -> None:
    """A copy hears for itself: what a line tried on it did not happen."""
    lines = ("x=$(kmalloc 64)", "explain -n kmalloc 64", "touch $(mmap 4k rw) & compare 'kmalloc 64'; wait")
    assert said(*lines, "owner $x -a")
    assert said("trap malloc_trim ERR", "explain -n grep -d 4294967296 --dereference-recursive",
                "y=$(if owner 0xc0000000 -a; then getpolicy; fi)", "owner 0xc0000000 -a")  # fmt: skip
