"""Every command's help has a worked example, and each of its lines runs in a box of its own."""

import io
import re
from functools import cache
from typing import Any

import pytest

from memsh import cli
from memsh.cli import open_session
from memsh.inspect.check import check
from memsh.shell.errors import Leave
from memsh.shell.help import short
from memsh.shell.io import TextInput
from memsh.shell.registry import REGISTRY
from tests.paths import REFERENCE

open_session(["--ram", "32M"], io.StringIO(), io.StringIO())  # declares all commands
COMMANDS = sorted(REGISTRY.commands)
# an example that ends otherwise than with 0 (this kernel has no NUMA and no cgroups)
NO_NUMA = ("numactl", "numastat", "mbind", "migratepages", "move_pages", "getpolicy", "set_mempolicy")
X86_64 = ("chmem", "lsmem", "lsmod")  # what i386's kernel has nothing of
STATUS = {**dict.fromkeys((*NO_NUMA, *X86_64), 1), "cgtree": 1, "compopt": 1, "diff": 1, "quiz": 1, "stopped": 130}
HOST = ("/tmp/box",)  # folders of the host that examples write to


@cache
def booted() -> Any:
    return open_session(["--ram", "512M"], io.StringIO(), io.StringIO()).box


@pytest.mark.parametrize("name", COMMANDS)
def test_the_example_runs(name: str, tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scripts").symlink_to(REFERENCE.parent.parent / "scripts")
    declared = REGISTRY.commands[name]
    assert declared.summary, name
    assert declared.example, f"{name} has no example"
    assert "for example" in short(declared)
    screen, complaints = io.StringIO(), io.StringIO()
    box = booted()
    monkeypatch.setattr(cli, "make_box", lambda options: box.copy())
    session = open_session([], screen, complaints)
    session.stdin = TextInput("")
    for line in declared.example:
        for folder in HOST:
            line = line.replace(folder, str(tmp_path / "host"))
        try:
            status = session.run(line)
        except Leave as leave:
            status = leave.status
        assert status == STATUS.get(name, 0), (line, screen.getvalue(), complaints.getvalue())
    if session.recording is not None:
        session.run("record stop")
    assert any(re.search(rf"(?<![\w/]){re.escape(name)}(?!\w)", line) for line in declared.example)
    assert "bug" not in complaints.getvalue()
    assert check(session.box) == []
