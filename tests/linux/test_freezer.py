"""cgroup.freeze, and signals that wait for processes to go on. The answers are the real machine's."""

from __future__ import annotations

import pytest

from memsh.inspect.check import check
from memsh.linux.config import Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.sched import Task
from memsh.linux.kernel.fork import fork
from memsh.linux.kernel.sched import switch_to
from memsh.linux.kernel.signal import SIGNALS, send_sig
from memsh.machines.box import Box
from memsh.procfs import tree
from tests.commands.typed import Typed
from tests.linux.test_cgroup import ask, fresh

WAITING = "ShdPnd:\t"


def state(box: Box, task: Task) -> tuple[str, str]:
    """Letter of the state, signals that wait for the process."""
    lines = tree.show(box, f"/proc/{task.pid}/status").splitlines()
    return lines[2].split()[1], next(line for line in lines if line.startswith(WAITING)).removeprefix(WAITING)[8:]


def signal(box: Box, task: Task, *names: str) -> None:
    for name in names:
        send_sig(box, task, SIGNALS[name])


def wchan(box: Box, task: Task) -> str:
    return tree.show(box, f"/proc/{task.pid}/wchan")


def test_a_frozen_group() -> None:
    box, p = fresh()
    q, r = (fork(box, box.current).child for _ in range(2))
    assert ask(box, "+a +a/b a/cgroup.freeze<2 a/cgroup.freeze<-1 a/cgroup.freeze<x a/cgroup.freeze< "
               "a/cgroup.freeze<01 a/cgroup.freeze a/cgroup.freeze<0") == (
        "ok ok ERANGE ERANGE EINVAL EINVAL ok 1 ok")  # fmt: skip
    assert ask(box, f"a/cgroup.procs<{p.pid} a/b/cgroup.procs<{q.pid} a/cgroup.freeze<1 a/cgroup.events "
               "a/b/cgroup.events a/b/cgroup.freeze") == (
        "ok ok ok populated_1,frozen_1 populated_1,frozen_1 0")  # fmt: skip
    assert (wchan(box, p), state(box, p)) == ("get_signal", ("S", "00000000"))
    assert tree.show(box, f"/proc/{p.pid}/stack").splitlines()[:2] == [
        "[<0>] get_signal+0x82a/0x890", "[<0>] arch_do_signal_or_restart+0x3f/0x720"]  # fmt: skip
    with pytest.raises(KernelError, match="temporarily"):
        switch_to(box, p)
    signal(box, q, "TERM")
    assert ask(box, f"a/b/cgroup.events a/b/cgroup.procs<{r.pid} a/b/cgroup.events") == (
        "populated_0,frozen_1 ok populated_1,frozen_1")
    signal(box, r, "STOP")
    signal(box, p, "ABRT")
    assert (state(box, r), state(box, p)) == (("S", "00040000"), ("S", "00000020"))
    assert ask(box, "+a/d a/d/cgroup.events a/d/cgroup.freeze a/cgroup.events") == (
        "ok populated_0,frozen_1 0 populated_1,frozen_1")
    ask(box, f"cgroup.procs<{r.pid}")
    assert (wchan(box, r), state(box, r)) == ("do_signal_stop", ("T", "00000000"))
    assert ask(box, "a/b/cgroup.events a/cgroup.freeze<0 a/cgroup.events a/d/cgroup.events") == (
        "populated_0,frozen_1 ok populated_0,frozen_0 populated_0,frozen_0")
    assert not p.alive and p.exit_code == SIGNALS["ABRT"]
    assert check(box) == []


def test_a_group_frozen_below_and_above() -> None:
    box, s = fresh()
    ask(box, f"+a +a/d a/d/cgroup.procs<{s.pid} a/d/cgroup.freeze<1")
    assert ask(box, "a/d/cgroup.events a/cgroup.events a/cgroup.freeze<1 a/cgroup.events") == (
        "populated_1,frozen_1 populated_1,frozen_0 ok populated_1,frozen_1")
    signal(box, s, "STOP")
    assert ask(box, "a/cgroup.freeze<0 a/d/cgroup.events a/cgroup.events a/d/cgroup.freeze<0 a/d/cgroup.events") == (
        "ok populated_1,frozen_1 populated_1,frozen_0 ok populated_1,frozen_0")
    assert state(box, s) == ("T", "00000000")
    assert ask(box, "a/d/cgroup.freeze<1 a/d/cgroup.events") == "ok populated_1,frozen_1"
    assert (wchan(box, s), state(box, s)) == ("do_signal_stop", ("T", "00000000"))
    signal(box, s, "CONT")
    assert state(box, s) == ("S", "00000000")
    assert ask(box, "a/d/cgroup.events a/cgroup.kill<1 a/cgroup.events") == (
        "populated_1,frozen_1 ok populated_0,frozen_0")


@pytest.mark.parametrize(("arch", "top"), [("i386", "do_signal_stop+0x17b/0x1f0"),
                                           ("x86_64", "do_signal_stop+0x178/0x1e0")])  # fmt: skip
def test_signals_to_a_stopped_process_wait(arch: str, top: str) -> None:
    box = Box(Config(arch=arch))
    p = fork(box, box.current).child
    signal(box, p, "STOP")
    assert tree.show(box, f"/proc/{p.pid}/stack").splitlines()[0] == f"[<0>] {top}"
    signal(box, p, "TERM", "USR1")
    assert state(box, p) == ("T", "00004200")
    signal(box, p, "ABRT", "TSTP", "STOP", "WINCH", "CHLD")
    assert state(box, p) == ("T", "000c4220")
    signal(box, p, "CONT")
    assert not p.alive and p.exit_code == SIGNALS["ABRT"]


def test_what_a_frozen_process_is_told_to_do_is_refused() -> None:
    """At the prompt it is as with one that waits in vfork: the process stays the current one."""
    typed = Typed("--arch", "x86_64")
    frozen = "is frozen: echo 0 > /sys/fs/cgroup/a/cgroup.freeze lets it go on"
    typed("mkdir /sys/fs/cgroup/a; cd /sys/fs/cgroup/a; echo 0 > cgroup.procs; echo 1 > cgroup.freeze")
    pid = typed("echo $$").strip()
    for line in ("malloc 100", "fork", "vfork", f"as 1 true; switch {pid}"):
        assert frozen in typed(line), line
    assert pid in typed(f"echo 0 > cgroup.freeze; switch {pid}")
    assert "minflt" in typed("malloc 100")
