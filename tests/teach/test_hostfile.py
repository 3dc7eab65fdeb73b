"""Files of the host are written whole or not at all, and only over what memsh wrote."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.shell.errors import ShellError
from memsh.teach import hostfile


def test_new_again_and_forced(tmp_path: Path) -> None:
    path = tmp_path / "a.memsh"
    hostfile.write(str(path), "# memsh 1\n", "script", False)
    with pytest.raises(FileExistsError):
        hostfile.write(str(path), "# memsh 2\n", "script", False)
    hostfile.write(str(path), "# memsh 3\n", "script", True)
    assert path.read_text() == "# memsh 3\n" and [one.name for one in tmp_path.iterdir()] == ["a.memsh"]


def test_what_memsh_did_not_write_stays(tmp_path: Path) -> None:
    mine, link, folder = tmp_path / ".bashrc", tmp_path / "link", tmp_path / "folder"
    mine.write_text("export PATH\n")
    link.symlink_to(mine)
    folder.mkdir()
    for path in (mine, link, folder):
        for kind in ("script", "cast", "picture"):
            with pytest.raises((ShellError, OSError)):
                hostfile.write(str(path), "x", kind, True)
    assert mine.read_text() == "export PATH\n" and link.is_symlink()
    assert sorted(one.name for one in tmp_path.iterdir()) == [".bashrc", "folder", "link"]


def test_a_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.memsh"
    path.write_text("# memsh old\n")

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        hostfile.write(str(path), "# memsh new\n", "script", True)
    assert path.read_text() == "# memsh old\n" and [one.name for one in tmp_path.iterdir()] == ["a.memsh"]


@pytest.mark.parametrize(("line", "old"), [("save {} -f", "text\n"), ("record {} -f", "text\n"), ("record {} -f", "#")])
def test_commands(line: str, old: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(old)
    out = io.StringIO()
    session = open_session(["--ram", "32M"], out, out)
    assert session.run(line.format(path)) == 1
    assert "memsh did not write it, and does not replace it" in out.getvalue() and path.read_text() == old
