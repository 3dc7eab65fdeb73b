"""Ten messages in five seconds; the next window tells how many were left out."""

from memsh.linux.config import MIB, Config
from memsh.linux.lib.ratelimit import RateLimit
from memsh.machines.box import Box


def test_a_burst_and_what_it_left_out() -> None:
    box = Box(Config(ram=128 * MIB))
    limit = RateLimit()
    assert [limit.allows(box, "f") for _ in range(13)] == [True] * 10 + [False] * 3
    box.timer.advance(box.timer.usec + 5_000_001)
    assert limit.allows(box, "f")
    assert any(record.text == "f: 3 callbacks suppressed" and record.level == 4 for record in box.log.records)
