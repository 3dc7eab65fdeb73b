"""What a prompt says of jobs: once when they begin, once when they have ended."""

import io

from memsh.cli import open_session
from memsh.ui.notices import Notices


def test_a_job_is_told_when_it_begins_and_when_it_has_ended() -> None:
    session, notices = open_session([], io.StringIO(), io.StringIO()), Notices()
    session.run("sleep 5 &")
    first = notices.since(session)
    number = session.language.background
    assert first == f"[1] {number}\n"
    assert notices.since(session) == ""
    session.run("sleep 1 &")
    notices.since(session)
    session.run("sleep 2")
    assert notices.since(session) == f"[2]+  Done{'':20}sleep 1\n"
    session.run("sleep 9")
    assert notices.since(session) == f"[1]+  Done{'':20}sleep 5\n"
    assert notices.since(session) == ""
    session.run("false &")
    assert notices.since(session) == f"[3] {session.language.background}\n[3]+  Exit 1{'':18}false\n"
