"""A session with a box, whose files can be put there and whose streams are strings."""

import io
from functools import lru_cache

from memsh.cli import open_session
from memsh.commands.paths import BoxFiles, stat_kind
from memsh.shell.io import TextInput
from memsh.shell.session import Session


@lru_cache(1)
def _session() -> tuple[Session, io.StringIO, io.StringIO]:
    out, err = io.StringIO(), io.StringIO()
    return open_session([], out, err), out, err


def boxed(line: str, files: dict[str, str] | None = None, stdin: str = "", cwd: str = "/tmp") -> tuple[str, str, int]:
    """(standard output, standard error, status) of a line run with these files on the box's disk."""
    session, out, err = _session()
    session.cwd = "/"
    if stat_kind(session, cwd) is None:
        session.box.fs.makedirs(cwd)
    for name, text in (files or {}).items():
        session.box.fs.makedirs(name.rpartition("/")[0])
        sink = BoxFiles().open_write(session, name, False)
        sink.write(text)
        sink.close()
    session.cwd, session.stdin = cwd, TextInput(stdin)
    for stream in (out, err):
        stream.seek(0)
        stream.truncate()
    status = session.run(line)
    return out.getvalue(), err.getvalue(), status
