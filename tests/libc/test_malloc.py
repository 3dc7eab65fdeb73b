"""Every recorded trace of malloc calls, address by address."""

from __future__ import annotations

import pytest

from memsh.libc.malloc import Malloc
from tests.libc.fake import SYMBOLS, FakeMemory
from tests.libc.replay import answers
from tests.paths import REFERENCE


def new_heap() -> Malloc:
    heap = Malloc(FakeMemory(), SYMBOLS)
    heap.load_variables()
    return heap


@pytest.mark.parametrize("name", sorted(path.stem for path in (REFERENCE / "heap").glob("*.in")))
def test_recorded_trace(name: str) -> None:
    trace = (REFERENCE / "heap" / f"{name}.in").read_text()
    assert list(answers(new_heap(), trace)) == (REFERENCE / "heap" / f"{name}.out").read_text().splitlines()
