"""An allocation that the host refuses, wherever it is: one line, the box to come back to, the session goes on."""

import io

import pytest

from memsh.cli import open_session
from memsh.shell import lines, session
from memsh.shell.session import Session
from memsh.shell.spare import Spare
from memsh.teach.journal import Timeline, attach
from tests.observing import differing, session_seen

TOLD = "memsh: the host has no memory left for this, and the box may be damaged: `undo` or `reset` gives a sound one\n"


def opened() -> Session:
    return open_session(["--ram", "64M"], io.StringIO(), io.StringIO())


def said(made: Session) -> str:
    return made.stderr.stream.getvalue()  # type: ignore[attr-defined, no-any-return]


def refused(*_: object, **__: object) -> None:
    raise MemoryError


@pytest.mark.parametrize("line", ["for i in 1 2 3 4 5 6 7; do malloc 5; done", "p=$(malloc 9; malloc 9)"])
def test_a_line_ends_and_is_undone(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = opened()
    made.run("malloc 3\n")
    before, looked = session_seen(made), [0]

    def look() -> None:
        looked[0] += 1
        if looked[0] == 4:
            raise MemoryError
        Session.poll(made)

    with monkeypatch.context() as patched:
        patched.setattr(made, "poll", look)
        assert made.run(line + "\n") == 1
    assert said(made) == TOLD and [entry.line for entry in made.timeline.entries] == ["malloc 3", line]
    assert made.run("undo\n") == 0
    assert not differing(before, session_seen(made))


def test_between_two_lines_too(monkeypatch: pytest.MonkeyPatch) -> None:
    made = opened()
    with monkeypatch.context() as patched:
        patched.setattr(lines, "each", refused)
        assert made.run("malloc 5\n") == 1
    assert said(made) == TOLD and made.run("true\n") == 0


def test_a_checkpoint_that_has_no_room_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    made = opened()
    attach(made).cost = 1e9
    monkeypatch.setattr(Timeline, "capture", refused)
    assert made.run("malloc 5\n") == 0 and not said(made)
    assert made.timeline.points == [] and len(made.timeline.entries) == 1


def test_a_journey_that_has_no_room_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    made = opened()
    made.run("malloc 5; malloc 6\n")
    there = session_seen(made)
    monkeypatch.setattr(Timeline, "replay", refused)
    assert made.run("undo\n") == 1
    assert said(made) == "undo: the host has no memory left for this\n"
    assert not differing(there, session_seen(made)) and len(made.timeline.entries) == 2


def test_a_line_near_the_limit_grows_by_a_quarter_of_what_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    made, size = opened(), [90 << 20]
    monkeypatch.setattr(session, "ADDRESSES", 100 << 20)
    monkeypatch.setattr(session, "held_memory", lambda: (size[0], size[0]))
    made.run("for i in {1..99}; do :; done\n")
    assert not said(made)
    made.doing.memory = size[0]
    size[0] += 2 << 20
    made._watch_memory()
    assert not said(made)
    size[0] += 1 << 20
    made._watch_memory()
    assert "nearly all that the host allows" in said(made)


def test_the_spare_comes_and_goes() -> None:
    spare = Spare(4096)
    spare.spend()
    assert not spare.held
    spare.save()
    assert len(spare.held) == 4096 and not Spare().held
