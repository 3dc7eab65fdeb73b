"""Processes at work, as recorded on the real machine."""

import pytest

from memsh.kernel.box import Box
from memsh.kernel.config import Config
from tests.kernel.transcript import replay
from tests.paths import REFERENCE


@pytest.mark.parametrize("name", ["touch", "fork-cow", "vma-merge-split", "static-malloc", "libc-malloc"])
def test_recorded_processes(name: str) -> None:
    box = Box(Config())
    assert replay(box, REFERENCE / "transcripts" / f"{name}.txt") == []
