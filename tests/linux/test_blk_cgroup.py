"""io.stat of groups, and what a group saves of its quota."""

from __future__ import annotations

from memsh.linux.kernel.cgroup.cpu import TaskGroup
from tests.commands.typed import Typed

A = "/sys/fs/cgroup/a"


def test_a_group_reads_and_writes() -> None:
    typed = Typed("--arch", "x86_64", "--ram", "512M", "--swap", "64M", "--cmdline", "transparent_hugepage=never")
    typed(f"echo +memory +io > {A}/../cgroup.subtree_control; mkdir {A}; echo +memory > {A}/cgroup.subtree_control")
    typed(f"mkdir {A}/b; echo 0 > {A}/b/cgroup.procs")
    assert typed(f"cat {A}/io.stat") == ""
    typed("dd if=/dev/zero of=/x bs=64k count=4; sync /x; echo 1 > /proc/sys/vm/drop_caches; cat /x > /dev/null")
    files = typed(f"cat {A}/io.stat").split()
    assert files[0] == "254:16" and files[2] == "wbytes=262144" and int(files[1].partition("=")[2]) >= 262144
    typed(f"echo 4M > {A}/b/memory.max; p=$(mmap 8M rw); fill $p 8M; read $p 2M")
    swap, again = (line.split() for line in typed(f"cat {A}/io.stat").splitlines())
    assert again == files and swap[0] == "254:0"  # the device used first last
    numbers = dict(word.split("=") for word in swap[1:])
    assert int(numbers["rbytes"]) == 4096 * int(numbers["rios"]) > 1 << 20  # each page of swap is a request
    assert int(numbers["wbytes"]) == 4096 * int(numbers["wios"]) > 4 << 20
    assert typed(f"cat {A}/b/io.stat") != "" or "io" not in typed(f"cat {A}/b/cgroup.controllers")


def test_a_group_saves_up_to_its_burst() -> None:
    group = TaskGroup()
    group.quota, group.burst = 20, 10
    group.refill_runtime()
    assert group.runtime == 20
    group.next_period(0)
    assert group.runtime == 30  # nothing was used: the quota, and what may be saved
    group.runtime -= 25
    group.next_period(0)
    assert (group.runtime, group.bursts, group.burst_time) == (25, 1, 5)
    group.runtime -= 20
    group.next_period(0)
    assert (group.runtime, group.bursts) == (25, 1)


def test_the_tree_shows_tasks_and_what_stands_still() -> None:
    typed = Typed("--arch", "x86_64", "--ram", "512M")
    typed(f"mkdir {A}; echo 0 > {A}/cgroup.procs")
    assert "pids" not in typed("cgtree")
    typed(f"echo +pids > {A}/../cgroup.subtree_control; fork; echo 1 > {A}/cgroup.freeze")
    head, row = typed("cgtree").splitlines()[:2]
    assert head.split()[-1] == "pids" and row.split() == ["└─a", "(frozen)", "2"]
