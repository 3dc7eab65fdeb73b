"""Threads, forks, limits, shared segments and mounts at random: nothing breaks, whatever the order."""

import io
import random

import pytest

from memsh.cli import open_session
from memsh.inspect.check import check

LINES = (
    "thread", "thread -d", "thread --stack 64k", "thread join {pid}", "thread detach {pid}", "thread exit",
    "switch {pid}", "switch {pid}", "fork", "vfork", "exec a.out-dyn", "exec a.out", "run a.out", "run a.out-dyn",
    "p{n}=$(malloc {size})", "p{n}=$(malloc {size})", "free $p{n}; p{n}=0", "q{n}=$(mmap 64k)", "touch $q{n} 64k",
    "munmap $q{n} 64k", "i{n}=$(shmget private 64k)", "s{n}=$(shmat $i{n})", "touch $s{n} 64k", "shmdt $s{n}",
    "ipcrm -m $i{n}", "ipcrm -a", "memfd x 1M", "mlockall current,future", "munlockall", "mincore $q{n} 64k",
    "kill -9 {pid}", "kill -STOP {pid}", "kill -CONT {pid}", "as {pid} _exit 3", "wait", "as {pid} thread exit",
    "as {pid} malloc {size}", "ulimit -v 20000", "ulimit -v unlimited", "prlimit --stack=1048576 run a.out",
    "mount -t tmpfs -o size=1M x /m", "umount /m", "dd if=/dev/zero of=/m/f bs=64k count=4", "rm -f /m/f",
    "process_vm_readv {pid} $q{n} $q{n} 100", "ps -eLf; ipcs; cat /proc/*/task/*/stat", "heap; malloc_info",
    "malloc_trim", "write 0", "undo",
)  # fmt: skip


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
@pytest.mark.parametrize("seed", [18, 33, 41])
def test_nothing_breaks(arch: str, seed: int) -> None:
    choose, out = random.Random(seed), io.StringIO()
    session = open_session(["--arch", arch, "--ram", "128M", "--swap", "64M", "--cpus", "2"], out, out)
    session.run("mkdir /m")
    for number in range(90):
        box = session.box
        if box.panicked:
            session.run("undo")
        elif box.current is box.init:
            session.run("run a.out")
        pids = [pid for pid in (*box.tasks, *box.threads) if pid > 52] or [1]
        line = choose.choice(LINES).format(
            pid=choose.choice(pids), n=choose.randint(0, 3), size=choose.choice((10, 100, 3000, 50_000, 200_000))
        )
        session.run(line)
        assert "bug in memsh" not in out.getvalue(), line
        if not number % 10:
            assert check(session.box) == [], line
