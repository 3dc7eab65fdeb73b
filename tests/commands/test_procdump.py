"""procdump: a dump on a full disk leaves the one that was there."""

from __future__ import annotations

import io
from errno import ENOSPC
from pathlib import Path

import pytest

from memsh.cli import open_session
from memsh.commands import procdump


def test_a_full_disk_leaves_the_old_dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = io.StringIO()
    made = open_session(["--ram", "64M"], said, said)
    old, new = tmp_path / "old", tmp_path / "new"
    assert made.run(f"procdump {old}") == 0
    before = (old / "meminfo").read_text(), sorted(path.name for path in old.iterdir())
    made.run("malloc 1M; touch $ 1M")

    def full(root: int, path: str, text: str) -> None:
        if path.startswith("self/") or path == "vmstat":
            raise OSError(ENOSPC, "No space left on device")
        place(root, path, text)

    place = procdump._place
    with monkeypatch.context() as patched:
        patched.setattr(procdump, "_place", full)
        assert made.run(f"procdump {old}") == made.run(f"procdump {new}") == 1
    assert "procdump: No space left on device" in said.getvalue()
    assert ((old / "meminfo").read_text(), sorted(path.name for path in old.iterdir())) == before
    assert not new.exists()
    assert made.run(f"procdump {old}") == 0
    assert (old / "meminfo").read_text() != before[0]
    (old / "mine").write_text("x")
    assert made.run(f"procdump {old}") == 1
    assert (old / "mine").exists()
    assert (old / "meminfo").exists()
