"""Twenty thousand lines a day: whatever is typed ends with a status, the box whole, Ctrl-C heeded."""

import time

import pytest

from tests.fuzz.play import fuzz

SEED = int(time.time()) // 86400  # of the day
PARTS = 10


@pytest.mark.parametrize("part", range(PARTS))
def test_lines_of_the_day(part: int) -> None:
    print(f"seed {SEED}-{part}: python -m tests.fuzz --lines 2000 --seed {SEED}-{part}")
    troubles = fuzz(20_000 // PARTS, f"{SEED}-{part}")
    assert not troubles, "\n".join(troubles)
