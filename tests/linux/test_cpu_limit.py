"""RLIMIT_CPU acts by the box's clock: SIGXCPU at the soft limit, a second later again, SIGKILL at the hard one."""

from __future__ import annotations

import pytest

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.resource import RLIMIT_CPU
from memsh.linux.kernel.fork import fork
from memsh.linux.kernel.posix_cpu_timers import SIGKILL, SIGXCPU
from memsh.machines.box import Box


@pytest.mark.parametrize(
    ("soft", "hard", "sig", "after"), [(2, None, SIGXCPU, 2), (1, 1, SIGKILL, 1), (2, 3, SIGXCPU, 2)]
)
def test_the_limit_ends_a_process(soft: int, hard: int | None, sig: int, after: int) -> None:
    box = Box(Config(ram=64 * MIB))
    child = fork(box, box.current).child
    child.signal.rlim[RLIMIT_CPU] = (soft, box.mmu.word_limit - 1 if hard is None else hard)
    box.cputime.owe(child, 4_000_000, 1_000_000)
    box.timer.advance(after * 1_000_000 - 10_000)
    assert box.settle() == [] and child.alive
    box.timer.advance(20_000)
    assert child.alive  # not in the middle of a system call
    assert box.settle() == [(f"{child.pid} (a.out)", sig)]
    assert not child.alive and child.exit_code & 0x7F == sig
    assert check(box) == []


def test_who_ignores_the_signal_lives_on_to_the_hard_limit() -> None:
    box = Box(Config(ram=64 * MIB))
    child = fork(box, box.current).child
    child.sigign |= 1 << SIGXCPU - 1
    child.signal.rlim[RLIMIT_CPU] = (1, 3)
    box.cputime.owe(child, 9_000_000, 0)
    ended = []
    for _ in range(40):
        box.timer.advance(100_000)
        ended += box.settle()
    assert ended == [(f"{child.pid} (a.out)", SIGKILL)] and child.signal.rlim[RLIMIT_CPU] == (3, 3)
