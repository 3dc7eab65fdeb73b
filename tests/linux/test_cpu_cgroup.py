"""cpu.* and the controllers that have nothing to share out; which files a group has. The answers are the real
machine's."""

from __future__ import annotations

from memsh.inspect.check import check
from memsh.linux.kernel.fair import fair_share
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.kernel.sched import switch_to
from memsh.procfs import tree
from tests.linux.test_cgroup import CG, ask, fresh

ALL = "cpuset cpu io memory hugetlb pids rdma misc"
FILES = """cgroup.controllers cgroup.events cgroup.freeze cgroup.kill cgroup.max.depth cgroup.max.descendants
cgroup.pressure cgroup.procs cgroup.stat cgroup.subtree_control cgroup.threads cgroup.type cpu.idle cpu.max
cpu.max.burst cpu.pressure cpu.stat cpu.weight cpu.weight.nice cpuset.cpus cpuset.cpus.effective cpuset.cpus.partition
cpuset.mems cpuset.mems.effective hugetlb.1GB.current hugetlb.1GB.events hugetlb.1GB.events.local hugetlb.1GB.max
hugetlb.1GB.numa_stat hugetlb.1GB.rsvd.current hugetlb.1GB.rsvd.max hugetlb.2MB.current hugetlb.2MB.events
hugetlb.2MB.events.local hugetlb.2MB.max hugetlb.2MB.numa_stat hugetlb.2MB.rsvd.current hugetlb.2MB.rsvd.max
io.pressure io.stat memory.current memory.events memory.events.local memory.high memory.low memory.max memory.min
memory.numa_stat memory.oom.group memory.peak memory.pressure memory.reclaim memory.stat memory.swap.current
memory.swap.events memory.swap.high memory.swap.max memory.zswap.current memory.zswap.max misc.current misc.events
misc.max pids.current pids.events pids.max pids.peak rdma.current rdma.max"""


def answers(name: str, values: str, *shown: str) -> str:
    """What a fresh group's file says after each of these was written, or the refusal."""
    box, _ = fresh()
    ask(box, "cgroup.subtree_control<+cpu_+misc_+rdma +a")
    found = []
    for value in values.split("|"):
        answer = ask(box, f"a/{name}<{value.replace(' ', '_')}")
        found.append(",".join(ask(box, f"a/{one}") for one in shown or (name,)) if answer == "ok" else answer)
    return "|".join(found)


def test_a_group_with_all_controllers_has_the_files_of_the_real_one() -> None:
    box, _ = fresh()
    everything = "_".join(f"+{name}" for name in ALL.split())
    assert ask(box, f"cgroup.subtree_control<{everything} cgroup.subtree_control +a a/cgroup.controllers") == (
        f"ok {ALL.replace(' ', '_')} ok {ALL.replace(' ', '_')}")
    assert sorted(tree.listdir(box, f"{CG}/a")) == FILES.split()
    assert {line.split("\t")[2] for line in tree.show(box, "/proc/cgroups").splitlines()[1:]} == {"2"}
    assert check(box) == []


def test_io_brings_memory_along_unseen() -> None:
    """With io alone a group's memory is counted, but has no files; disabled while io needs it, it limits nothing."""
    box, p = fresh()
    assert ask(box, "cgroup.subtree_control<+io +a a/cgroup.controllers a/memory.current a/io.stat") == (
        "ok ok io ENOENT nothing")
    group = box.cgroups.find("/a")
    assert group.memcg is not None
    assert ask(box, f"cgroup.subtree_control<+memory a/memory.max<8M a/memory.max a/cgroup.procs<{p.pid} "
               "cgroup.subtree_control<-memory a/memory.max cgroup.subtree_control<+memory a/memory.max "
               "cgroup.subtree_control<-io a/io.stat cgroup.subtree_control<-memory a/memory.max") == (
        "ok ok 8388608 ok ok ENOENT ok max ok ENOENT ok ENOENT")  # fmt: skip
    assert group.memcg is None
    assert check(box) == []


def test_who_shares_a_cpu_has_what_weights_say() -> None:
    """Group a has three parts of the CPU, b one and a task of the root one; in b, nice 5 has about a third of what nice
    0 has. Who waits counts for nothing."""
    box, p = fresh()
    tasks = [kernel_clone(box, p) for _ in range(5)]
    in_a, by_itself, in_b, nice, waits = tasks
    ask(box, f"cgroup.subtree_control<+cpu +a +b a/cpu.weight<300 a/cgroup.procs<{in_a.pid}")
    for task in (in_b, nice, waits):
        ask(box, f"b/cgroup.procs<{task.pid}")
    nice.nice = 5
    for task in tasks[:4]:
        box.cputime.hold(task, "R")
    assert [fair_share(box, task, 50_000) for task in tasks[:4]] == [30_000, 10_000, 7_534, 2_465]
    ask(box, "b/cpu.idle<1")
    assert fair_share(box, in_b, 50_000) < 30 and fair_share(box, in_a, 50_000) > 37_000
    box.cputime.hold(in_a, "S")
    assert fair_share(box, by_itself, 50_000) > 49_000
    assert check(box) == []


def test_weights() -> None:
    assert answers("cpu.weight", "0|1|50|10000|10001|x||-1|99999999999999999999", "cpu.weight", "cpu.weight.nice") == (
        "ERANGE|1,19|50,3|10000,-20|ERANGE|EINVAL|EINVAL|EINVAL|ERANGE")
    assert answers("cpu.weight.nice", "-20|19|20|-21|0|5|x|1.5", "cpu.weight.nice", "cpu.weight") == (
        "-20,8668|19,1|ERANGE|ERANGE|0,100|5,33|EINVAL|EINVAL")
    assert answers("cpu.idle", "1|2|-1|x|0", "cpu.idle", "cpu.weight", "cpu.weight.nice") == (
        "1,0,19|EINVAL|EINVAL|EINVAL|0,100,0")
    box, _ = fresh()
    assert ask(box, "cgroup.subtree_control<+cpu +a a/cpu.idle<1 a/cpu.weight<200 a/cpu.weight.nice<1 "
               "a/cpu.weight") == "ok ok ok EINVAL EINVAL 0"  # fmt: skip


def test_quotas() -> None:
    assert answers("cpu.max", "50000|50000 100000|max|max 50000|20000 10000|1000 100000|999 100000|10000 1000001|"
                   "10000 1000000|10000 999|5000 1000|x||max x|10000 x|-1|10000 20000 3|99999999999999999999 100000|"
                   "18446744073709551615|9000000000000000") == (
        "50000_100000|50000_100000|max_100000|max_50000|20000_10000|1000_100000|EINVAL|EINVAL|10000_1000000|EINVAL|"
        "5000_1000|EINVAL|EINVAL|max_1000|10000_1000|EINVAL|10000_20000|EINVAL|EINVAL|EINVAL")  # fmt: skip
    box, _ = fresh()
    ask(box, "cgroup.subtree_control<+cpu +a a/cpu.max<50000_100000")
    written = [f"a/cpu.max.burst<{value}" for value in ("10000", "50000", "50001", "-1", "x", "max", "0")]
    assert ask(box, " ".join(written)) == "ok ok EINVAL EINVAL EINVAL EINVAL ok"


def test_work_beyond_the_quota_waits_for_the_next_period() -> None:
    """250 ms of work at 20 ms in 100 ms: what is done after a second, and after enough of them."""
    box, p = fresh()
    ask(box, f"cgroup.subtree_control<+cpu +a a/cpu.max<20000_100000 a/cgroup.procs<{p.pid}")
    switch_to(box, p)
    box.cputime.owe(p, 0, 250_000)
    box.timer.advance(1_000_000)
    assert 180_000 <= p.stime <= 220_000
    lines = dict(line.split() for line in tree.show(box, f"{CG}/a/cpu.stat").splitlines())
    assert int(lines["usage_usec"]) == p.stime + p.utime
    assert lines["nr_throttled"] == lines["nr_periods"] == "9" and int(lines["throttled_usec"]) > 700_000
    box.timer.advance(1_000_000)
    assert p.stime >= 250_000
    ask(box, "a/cpu.max<max")
    before = p.stime
    box.cputime.owe(p, 0, 250_000)
    box.timer.advance(250_000)
    assert p.stime - before == 250_000


def test_what_has_nothing_to_share_out() -> None:
    assert answers("misc.max", "1|max|x|res 5|") == "EINVAL|EINVAL|EINVAL|EINVAL|EINVAL"
    assert answers("rdma.max", "1|max|x|res 5|") == "ENODEV|ENODEV|ENODEV|EINVAL|ENODEV"
