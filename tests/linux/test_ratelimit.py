"""Ten messages in five seconds; the next window tells how many were left out."""

import pytest

from memsh.linux.config import MIB, Config
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.kernel.signal import segfault
from memsh.linux.lib.ratelimit import RateLimit
from memsh.machines.box import Box


def test_a_burst_and_what_it_left_out() -> None:
    box = Box(Config(ram=128 * MIB))
    limit = RateLimit()
    assert [limit.allows(box, "f") for _ in range(13)] == [True] * 10 + [False] * 3
    box.timer.advance(box.timer.usec + 5_000_001)
    assert limit.allows(box, "f")
    assert any(record.text == "f: 3 callbacks suppressed" and record.level == 4 for record in box.log.records)


@pytest.mark.parametrize(("arch", "told"), [("i386", 10), ("x86_64", 9)])
def test_segmentation_faults_that_come_too_often_are_held_back(arch: str, told: int) -> None:
    """As recorded: ten in five seconds, of which audit took one while the 64-bit box booted."""
    box = Box(Config(arch=arch))

    def faults(count: int) -> list[str]:
        box.log.clear()
        for _ in range(count):
            segfault(box, kernel_clone(box, box.init), 0x5000, 4, 0, 0)
        return [record.text for record in box.log.unread()]

    assert sum("segfault at 5000" in line for line in faults(12)) == told
    assert faults(3) == []
    box.timer.advance(6_000_000)
    again = faults(1)
    assert again[0] == f"show_signal_msg: {15 - told} callbacks suppressed" and "segfault at 5000" in again[1]
