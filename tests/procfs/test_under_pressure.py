"""The invariants of /proc after each command of a session in which memory runs short."""

from __future__ import annotations

import io

import pytest

from memsh.cli import open_session
from memsh.inspect.check import check as check_box
from tests.procfs.invariants import check
from tests.procfs.task_invariants import progress
from tests.procfs.test_invariants import proc

SWAPPING = [
    "mkfile /root/f 24M", "cat /root/f > /dev/null", "m=$(mmap 80M rw)", "write $m 80M", "read $m 4M", "fork",
    "sleep 2",
    "write $m 1M", "mlock $m 512k", "madvise $m+16M 2M free", "s=$(mmap 8M rw shared)", "write $s 8M",
    "read $m+40M 20M",
    "echo 1 > /proc/sys/vm/compact_memory", "dd if=/dev/zero of=/root/g bs=1M count=16 status=none", "sleep 31",
    "munmap $m 80M", "read $s 8M", "echo 3 > /proc/sys/vm/drop_caches",
]  # fmt: skip
KILLING = ["stress --vm 2 --vm-bytes 40M &", "sleep 3", "m=$(mmap 44M)", "write $m 44M", "sleep 1", "run a.out"]


@pytest.mark.parametrize(("swap", "script"), [("96M", SWAPPING), ("0", KILLING)], ids=["swapping", "killing"])
def test_each_command(swap: str, script: list[str]) -> None:
    said = io.StringIO()
    session = open_session(["--ram", "64M", "--swap", swap], said, said)
    before = proc(session.box)
    for line in script:
        session.run(line)
        after = proc(session.box)
        assert check(after) == [], line
        assert progress(before, after) == [], line
        assert check_box(session.box) == [], line
        before = after
    assert int(after.vmstat["pswpout" if swap != "0" else "oom_kill"]) > 0


def figures(session: object, text: str, name: str) -> int:
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name + ":"))


def test_smaps_counts_what_lies_in_swap() -> None:
    """Rss and Swap make up what was written; two sharers of a slot have half of it each."""
    said = io.StringIO()
    session = open_session(["--ram", "64M", "--swap", "96M"], said, said)
    session.run("m=$(mmap 80M rw); write $m 80M; cat /proc/self/smaps_rollup")
    text = said.getvalue()
    rss, swap = (figures(session, text, name) for name in ("Pss_Anon", "Swap"))
    assert swap > 20_000 and 80 << 10 <= rss + swap < (80 << 10) + 500
    assert figures(session, text, "SwapPss") == swap
    said.truncate(0)
    session.run("fork; cat /proc/self/smaps_rollup")
    text = said.getvalue()
    assert figures(session, text, "SwapPss") * 2 <= figures(session, text, "Swap") + 500
    said.truncate(0)
    session.run("kill -9 54; munmap $m 80M; s=$(mmap 24M rw shared); write $s 24M; m=$(mmap 50M rw); write $m 50M")
    session.run("cat /proc/self/smaps | grep -A22 /dev/zero")
    shared = figures(session, said.getvalue(), "Swap")
    assert 4_000 < shared <= 24 << 10 and figures(session, said.getvalue(), "SwapPss") == 0
