"""A session with a box, whose files can be put there and whose streams are strings; and the real programs beside it."""

import io
import re
import subprocess
from functools import lru_cache
from pathlib import Path

from memsh.cli import open_session
from memsh.commands.paths import BoxFiles, stat_kind
from memsh.shell.io import TextInput
from memsh.shell.session import Session

PLAIN = {"LC_ALL": "C", "PATH": "/usr/bin:/bin", "TZ": "UTC"}


def real(line: str, cwd: Path) -> tuple[str, str, int]:
    """(standard output, standard error, status) of a line run by the host's bash and its programs."""
    done = subprocess.run(["bash", "-c", line], cwd=cwd, capture_output=True, env=PLAIN, stdin=subprocess.DEVNULL,
                          check=False)  # fmt: skip
    out, err = (data.decode("utf-8", "surrogateescape") for data in (done.stdout, done.stderr))
    return out, re.sub(r"^bash: line \d+: ", "", err, flags=re.M), done.returncode


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
