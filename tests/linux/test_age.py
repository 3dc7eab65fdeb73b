"""Everyday churn: deterministic, bounded, and it leaves a whole box with worn free lists."""

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.machines.box import Box
from memsh.procfs import tree


def small_blocks(box: Box) -> int:
    return sum(zone.nr_blocks(order) for zone in box.pages.zones for order in range(4))


def test_age_wears_the_free_lists_and_leaves_the_box_whole() -> None:
    box = Box(Config())
    before = small_blocks(box)
    box.age.run(box, 3600)
    assert small_blocks(box) > 10 * before
    assert check(box) == []


def test_age_is_the_same_every_time_and_goes_on() -> None:
    one, two = Box(Config(ram=128 * MIB)), Box(Config(ram=128 * MIB))
    one.age.run(one, 600)
    two.age.run(two, 600)
    assert tree.show(one, "/proc/buddyinfo") == tree.show(two, "/proc/buddyinfo")
    again = tree.show(one, "/proc/buddyinfo")
    one.age.run(one, 600)
    assert tree.show(one, "/proc/buddyinfo") != again


def test_age_keeps_within_a_small_machine() -> None:
    box = Box(Config(ram=32 * MIB))
    box.age.run(box, 86400)
    held = sum(1 << order for _, order in box.age.pages)
    assert held <= sum(zone.managed for zone in box.pages.zones) // 4
    assert check(box) == []


def test_configured_age_runs_at_boot() -> None:
    assert small_blocks(Box(Config(age=3600))) > small_blocks(Box(Config()))
