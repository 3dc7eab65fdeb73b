"""Of the host only regular files are read whole: a pipe is waited for by nobody, a device has no end."""

from __future__ import annotations

import io
import os
import socket
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.shell.errors import ShellError
from memsh.shell.hostread import read_regular, read_whole
from memsh.teach import store
from memsh.teach.lessonfile import read_text
from memsh.ui import pasthistory, settings


@pytest.fixture
def strange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A pipe, a socket, devices, a link to a pipe."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.md")
    Path("link").symlink_to("pipe.md")
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind("socket")
    return ["pipe.md", "/dev/zero", "/dev/tty", "link"]


def test_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_whole(path, 5) == b"12345" and read_regular(path, 3) == b"123" and read_whole(os.devnull, 5) == b""
    with pytest.raises(OSError, match="File too large"):
        read_whole(path, 4)
    with pytest.raises(IsADirectoryError):
        read_whole(tmp_path, 4)
    with pytest.raises(FileNotFoundError):
        read_whole(tmp_path / "none", 4)


def test_what_is_not(strange: list[str]) -> None:
    for name in strange:
        if name != "/dev/tty":  # where there is no terminal it cannot be opened at all
            with pytest.raises(OSError, match="Not a regular file"):
                read_regular(name, 10)
        with pytest.raises(ShellError):
            read_text(Path(name), name)
    with pytest.raises(OSError, match="No such device"):
        read_regular("socket", 10)


@pytest.mark.parametrize("line", ["source ./{}", "lesson ./{}", "if . ./{}; then malloc 1; fi"])
def test_commands(line: str, strange: list[str]) -> None:
    out = io.StringIO()
    session = open_session(["--ram", "32M"], out, out)
    session.run(line.format("pipe.md"))
    assert out.getvalue().endswith(": ./pipe.md: Not a regular file\n")


def test_settings_and_history(strange: list[str]) -> None:
    assert settings.load("pipe.md")[1] == "memsh: pipe.md: Not a regular file; the settings are left out\n"
    assert settings.load("/dev/zero")[1] == "memsh: /dev/zero: Not a regular file; the settings are left out\n"
    assert settings.load("/dev/null")[1] == ""
    assert "Not a regular file; the history is kept in memory" in pasthistory.open_history("pipe.md")[1]
    assert pasthistory.open_history("new")[1] == "" and Path("new").read_bytes() == b""


def test_a_pipe_where_sessions_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = store.state_folder()
    folder.mkdir(parents=True)
    os.mkfifo(folder / "20300101-000000-1.jsonl")
    with pytest.raises(ShellError, match="no session is kept"):
        store.read()
