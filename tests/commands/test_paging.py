"""less and more: on a terminal they begin where they are told, in a pipe they hand on the whole text."""

import io

import pytest

from memsh.cli import open_session


@pytest.mark.parametrize("line, shown", [
    ("more +4 f", "4 5 6"), ("more -2 +/5 f", "5 6"), ("less +6 f", "6"), ("less -p3 f", "3 4 5 6"),
    ("less -N +6 f", "6 6"),
    ("less +/9 f", "1 2 3 4 5 6"), ("more +4 f | tail -n +2", "2 3 4 5 6"), ("less -N f | head -1", "1"),
])  # fmt: skip
def test_where_a_screen_begins(line: str, shown: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    session = open_session([], out, err)
    session.is_tty = True
    session.run("cd /tmp; seq 6 > f")
    session.run(line)
    assert (out.getvalue().split(), err.getvalue()) == (shown.split(), "")
