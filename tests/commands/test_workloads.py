"""stress and fragment: what they leave behind, and that they stop."""

from __future__ import annotations

import io
import re

import pytest

from memsh.cli import open_session
from memsh.commands.machine import busy
from memsh.inspect.check import check
from memsh.shell.session import Session


def opened(*arguments: str) -> tuple[Session, io.StringIO]:
    screen = io.StringIO()
    return open_session(list(arguments), screen, screen), screen


@pytest.mark.parametrize("ram", ["128M", "1G"])
@pytest.mark.parametrize("order", [2, 4, 7])
def test_fragment_leaves_no_block_of_the_order_and_compaction_cures_it(ram: str, order: int) -> None:
    session, screen = opened("--ram", ram)
    session.run(f"fragment --order {order}")
    zones = session.box.pages.zones
    assert not any(zone.nr_blocks(n) for zone in zones for n in range(order, 11))
    assert sum(zone.nr_free for zone in zones) > 0.3 * sum(zone.managed for zone in zones)
    assert not session.box.pages.alloc_pages(0xA20, order)  # GFP_ATOMIC
    assert check(session.box) == []
    session.run("echo 1 > /proc/sys/vm/compact_memory")
    assert session.box.pages.alloc_pages(0xA20, order)
    assert check(session.box) == []
    assert "no block above order" in screen.getvalue()


def test_the_end_of_fragment_gives_its_memory_back() -> None:
    session, screen = opened("--ram", "128M")
    session.run("fragment")
    pid = re.search(r"process (\d+) \(fragment\)", screen.getvalue())
    assert pid is not None
    session.run(f"kill {pid[1]}")
    assert sum(zone.nr_blocks(10) for zone in session.box.pages.zones) > 10
    assert check(session.box) == []


def test_stress_runs_for_its_time_and_leaves_nothing() -> None:
    session, screen = opened("--ram", "128M")
    before = session.box.timer.usec
    tasks = set(session.box.tasks)
    assert session.run("stress --vm 2 --vm-bytes 20M -t 2s") == 0
    assert session.box.timer.usec - before == 2_000_000
    assert set(session.box.tasks) == tasks
    assert re.fullmatch(
        r"stress: info: \[54\] dispatching hogs: 0 cpu, 0 io, 2 vm, 0 hdd\n"
        r"stress: info: \[54\] successful run completed in 2s\n", screen.getvalue(),
    )  # fmt: skip
    assert check(session.box) == []


def test_stress_beyond_memory_meets_the_oom_killer() -> None:
    session, screen = opened("--ram", "128M")
    assert session.run("stress --vm 2 --vm-bytes 100M -t 60") == 1
    assert session.box.vmstat["oom_kill"] == 1
    assert "got signal 9" in screen.getvalue()
    assert all(task.comm != "stress" for task in session.box.tasks.values())
    assert check(session.box) == []


def test_stress_in_the_background_is_seen_by_others() -> None:
    session, screen = opened("--ram", "128M")
    session.run("stress --vm 1 --vm-bytes 60M --vm-hang 5 -t 10 &")
    session.run("sleep 1")
    assert session.box.vmstat["nr_anon_pages"] > 15_000
    session.run("sleep 20")
    assert session.box.vmstat["nr_anon_pages"] < 1000
    assert "successful run completed in 10s" in screen.getvalue()
    assert check(session.box) == []


@pytest.mark.parametrize("line", ["stress", "stress --vm 65", "fragment --order 0", "fragment --order 11"])
def test_refusals(line: str) -> None:
    session, _ = opened("--ram", "128M")
    assert session.run(line) == 1
    assert check(session.box) == []


def test_fragment_needs_free_memory() -> None:
    session, screen = opened("--ram", "64M", "--swap", "64M")
    session.run("p=$(mmap 90M rw); touch $p 90M; fragment")
    assert "fragment: no memory is free above the high watermarks" in screen.getvalue()
    assert not any(task.comm == "fragment" for task in session.box.tasks.values())
    assert check(session.box) == []


def test_time_tells_what_a_command_waited_for() -> None:
    session, screen = opened("--ram", "64M")
    assert session.run("time sleep 61.25") == 0
    assert session.run("time false; time") == 0
    assert screen.getvalue() == (
        "\nreal\t1m1.250s\nuser\t0m0.000s\nsys\t0m0.000s\n" + "\nreal\t0m0.000s\nuser\t0m0.000s\nsys\t0m0.000s\n" * 2
    )


def test_a_victim_of_the_kernels_own_needs_is_told_at_once() -> None:
    session, screen = opened("--ram", "64M")
    session.run("p=$(mmap 30M rw); touch $p 30M > /dev/null")
    session.run('while grep -q "oom_kill 0" /proc/vmstat; do alloc_pages 3 > /dev/null; done; echo after; malloc 4k')
    told = screen.getvalue().splitlines()
    assert re.match(r"Out of memory: Killed process 53 \(a\.out\) total-vm:32080kB, ", told[0])
    assert told[1:4] == [
        "Killed", "process 53 (a.out) has ended; 1 (init) is current (run a.out starts another, undo takes it back)",
        "after",
    ]  # fmt: skip
    session.run("undo 3; echo back")
    assert "Killed" not in "".join(screen.getvalue().splitlines()[5:])
    assert check(session.box) == []


def test_a_panic_is_told_once_and_nothing_follows_it_in_the_log() -> None:
    session, screen = opened("--ram", "64M")
    session.run("sysctl -q -w vm.panic_on_oom=1; p=$(mmap 90M rw,); p=$(mmap 50M rw); touch $p 50M")
    why = "Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled"
    assert screen.getvalue().splitlines()[-2:] == [
        why, "The box has stopped. What is left: views, undo, reset, exit."
    ]  # fmt: skip
    texts = [record.text for record in session.box.log.records]
    assert texts[-2:] == ["Kernel Offset: disabled", f"---[ end {why} ]---"]
    assert texts.count(why) == 1 and " panic+0xa8/0x1f4" in texts[texts.index(why) :]
    assert session.run("malloc 4k") == 1
    assert session.run("undo; malloc 4k") == 0
    assert check(session.box) == []


def test_stress_keeps_the_cpu_busy() -> None:
    session, screen = opened("--ram", "128M")
    session.run("stress --vm 1 --vm-bytes 20M -q & vmstat 1 3")
    for line in screen.getvalue().splitlines()[-2:]:
        us, sy, idle = (int(word) for word in line.split()[12:15])
        assert us + sy >= 95 and idle <= 5, line
    session.run("kill %1")
    before = busy(session.box)
    session.run("stress --vm 1 --vm-bytes 8M --vm-hang 1 -q -t 2s")  # it mostly waits
    assert sum(busy(session.box)) - sum(before) < 100_000
