"""Processes at work, as recorded on the real machine."""

import pytest

from memsh.linux.config import Config
from memsh.machines.box import Box
from tests.linux.transcript import replay
from tests.paths import REFERENCE


@pytest.mark.parametrize("name", ["touch", "fork-cow", "vma-merge-split", "static-malloc", "libc-malloc"])
def test_recorded_processes(name: str) -> None:
    box = Box(Config())
    assert replay(box, REFERENCE / "transcripts" / f"{name}.txt") == []
