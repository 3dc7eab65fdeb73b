"""Huge pages, pools of them, nodes and memory cgroups at work, as recorded on the real machine."""

from pathlib import Path

import pytest

from tests.linux.recorded64 import replay
from tests.paths import REFERENCE64

TRANSCRIPTS = sorted((REFERENCE64 / "transcripts").glob("*.txt"))


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_recorded_processes(path: Path) -> None:
    count, wrong = replay(path)
    assert count > 2 and wrong == []
