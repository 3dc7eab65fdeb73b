"""Tasks: boot, fork, exec, exit, wait, signals; every page and object goes back."""

import re
from collections import Counter

import pytest

from memsh.inspect.check import check
from memsh.inspect.check_task import check_tasks
from memsh.linux.config import MIB, Config
from memsh.linux.fs.exec import PastReturn, do_execve
from memsh.linux.include.errno import KernelError
from memsh.linux.include.resource import RLIMIT_AS
from memsh.linux.include.sched import alloc_pid, find_task, threads_max
from memsh.linux.kernel.exit import do_exit, do_wait
from memsh.linux.kernel.fork import fork, kernel_clone
from memsh.linux.kernel.sched import on_cpu_of, switch_to
from memsh.linux.kernel.signal import segfault, send_sig
from memsh.linux.mm.memory.fault import touch_range
from memsh.machines.box import Box
from memsh.procfs.pid import PID_FILES
from tests.linux.transcript import steps
from tests.paths import REFERENCE

CACHES = (
    "task_struct", "signal_cache", "sighand_cache", "files_cache", "fs_cache", "cred_jar", "pid", "mm_struct",
    "vm_area_struct", "anon_vma", "anon_vma_chain", "maple_node",
)  # fmt: skip


@pytest.fixture(scope="module")
def booted() -> Box:
    return Box(Config())


@pytest.fixture
def box(booted: Box) -> Box:
    return booted.copy()


def kinds(box: Box) -> Counter[int]:
    """How many blocks of each kind are in use, weighed by size; slab pages left out (caches keep some)."""
    counts: Counter[int] = Counter()
    memmap = box.memmap
    for pfn in range(memmap.frames):
        if memmap.refcount[pfn] and memmap.kind[pfn] not in (3, 6):
            counts[memmap.kind[pfn]] += 1 << memmap.order[pfn]
    return counts


def objects(box: Box) -> dict[str, int]:
    """Objects in use by cache, those waiting in array caches not counted."""
    counts = {}
    for name in CACHES:
        cache = box.slab.find(name)
        info = box.slab.slabinfo(cache)
        counts[name] = info.active_objs - len(cache.entry) - info.shared_avail
    return counts


def recorded(machine: str) -> list[tuple[int, int, str, str]]:
    """(pid, ppid, state, name) of a machine in processes.txt."""
    found, wanted = [], False
    for line in (REFERENCE / "processes.txt").read_text().splitlines():
        if line.startswith("#"):
            wanted = line.startswith(f"# {machine}:")
        elif wanted:
            words = line.split(maxsplit=3)
            found.append((int(words[0]), int(words[1]), words[2], words[3]))
    return found


@pytest.mark.parametrize(("machine", "cpus"), [("256M-1cpu", 1), ("1024M-2cpu", 2)])
def test_boot_has_the_recorded_tasks(machine: str, cpus: int) -> None:
    box = Box(Config(cpus=cpus))
    tasks = {task.pid: task for task in box.tasks.values()}
    for pid, ppid, state, name in recorded(machine):
        if pid > 32 or (cpus == 1 and pid > 26):
            continue
        task = tasks[pid]
        assert (task.ppid, task.state) == (ppid, state)
        # a worker's name goes on with what it did last
        assert task.comm.partition("-")[0] == name.partition("-")[0]
    own = [tasks[pid].comm for pid in sorted(tasks)[-3:-1]]
    assert own == ["jbd2/vdb-8", "ext4-rsv-conver"]  # of the root, which the recorded machines had in RAM
    assert len(tasks) == {1: 26, 2: 32}[cpus] + 2 + 1
    assert box.current.pid == 53
    assert box.current.comm == "a.out"
    assert list(box.tasks) == sorted(box.tasks)


@pytest.mark.parametrize(
    ("ram", "cpus", "name"), [(128, 1, "128m-1cpu"), (512, 1, "512m-1cpu"), (1024, 1, "1g-1cpu"), (2048, 2, "2g-2cpu")]
)
def test_threads_max_follows_memory(ram: int, cpus: int, name: str) -> None:
    """SigQ in status is half of threads-max."""
    text = (REFERENCE / f"boot-{name}" / "self_status").read_text()
    limit = int(text.split("SigQ:\t0/")[1].split()[0])
    box = Box(Config(ram=ram << 20, cpus=cpus))
    assert threads_max(box) // 2 == limit


def test_kernel_stacks_are_counted(box: Box) -> None:
    before = box.vmstat["nr_kernel_stack"]
    child = kernel_clone(box, box.current)
    assert box.vmstat["nr_kernel_stack"] == before + 8
    do_exit(box, child, 0)
    assert box.vmstat["nr_kernel_stack"] == before + 8, "a zombie keeps its stack"
    do_wait(box, box.current)
    assert box.vmstat["nr_kernel_stack"] == before


def test_everything_goes_back(box: Box) -> None:
    def cycle() -> None:
        parent = kernel_clone(box, box.init)
        do_execve(box, parent, "a.out", ["a.out"])
        switch_to(box, parent)
        child = kernel_clone(box, parent)
        switch_to(box, child)
        touch_range(box, child, 0x080F0000, 0x60000, True)
        do_execve(box, child, "a.out-dyn", ["a.out-dyn", "x"])
        grandchild = kernel_clone(box, child)
        switch_to(box, grandchild)
        segfault(box, grandchild, 0, 4)
        assert box.current is child
        assert do_wait(box, child) == (grandchild.pid, 11)
        do_exit(box, parent, 0)
        assert child.ppid == 1
        do_exit(box, child, 5 << 8)
        assert box.current is box.init
        switch_to(box, box.tasks[53])

    cycle()
    before = kinds(box), objects(box), list(box.tasks), box.vm.commit, dict(box.vmstat)
    for _ in range(5):
        cycle()
    assert check_tasks(box) == []
    after = kinds(box), objects(box), list(box.tasks), box.vm.commit
    assert after == before[:4]
    for name in ("nr_anon_pages", "nr_mapped", "nr_page_table_pages", "nr_kernel_stack", "nr_file_pages"):
        assert box.vmstat[name] == before[4][name], name


def test_fork_is_refused_at_threads_max(box: Box) -> None:
    box.threads_max = len(box.tasks) + 2
    task = box.current
    children = [kernel_clone(box, task), kernel_clone(box, task)]
    before = kinds(box), objects(box)
    with pytest.raises(KernelError) as error:
        kernel_clone(box, task)
    assert error.value.code == "EAGAIN"
    assert (kinds(box), objects(box)) == before
    do_exit(box, children[0], 0)
    with pytest.raises(KernelError):
        kernel_clone(box, task)  # a zombie counts
    do_wait(box, task)
    kernel_clone(box, task)


def test_pids_wrap_to_300(box: Box) -> None:
    box.last_pid = box.pid_max - 2
    first = kernel_clone(box, box.init)
    assert first.pid == box.pid_max - 1
    assert kernel_clone(box, box.init).pid == 300
    assert alloc_pid(box) == 301
    assert list(box.tasks) == sorted(box.tasks)


def test_fork_gives_what_fork_gives(box: Box) -> None:
    parent = box.current
    result = fork(box, parent)
    child = result.child
    assert (result.minflt, result.majflt) == (1, 0)
    assert (child.ppid, child.comm, child.argv) == (parent.pid, "a.out", ["a.out"])
    assert child.state == "S"
    assert parent.state == "R"
    assert list(parent.children) == [child.pid]


def test_wait_without_children(box: Box) -> None:
    with pytest.raises(KernelError) as error:
        do_wait(box, box.current)
    assert error.value.code == "ECHILD"
    fork(box, box.current)
    with pytest.raises(KernelError) as error:
        do_wait(box, box.current)
    assert error.value.code == "EAGAIN"


def test_faults_of_a_child_are_accounted_when_it_is_waited_for(box: Box) -> None:
    parent = box.current
    child = fork(box, parent).child
    switch_to(box, child)
    touch_range(box, child, 0x080F0000, 0x10000, True)
    faults = child.minflt
    assert faults
    do_exit(box, child, 0)
    assert parent.cminflt == 0
    do_wait(box, parent)
    assert parent.cminflt == faults


def test_signals(box: Box) -> None:
    task = box.current
    child = fork(box, task).child
    send_sig(box, child, 0)
    send_sig(box, child, 19)
    assert child.state == "T"
    send_sig(box, child, 18)
    assert child.state == "S"
    assert not send_sig(box, child, 17)
    assert not send_sig(box, box.init, 9)
    assert not send_sig(box, box.tasks[2], 9)
    assert send_sig(box, child, 15)
    assert do_wait(box, task) == (child.pid, 15)
    with pytest.raises(KernelError) as error:
        find_task(box, child.pid)
    assert error.value.code == "ESRCH"
    with pytest.raises(KernelError) as error:
        send_sig(box, task, 65)
    assert error.value.code == "EINVAL"


def test_the_end_of_init_is_a_panic(box: Box) -> None:
    segfault(box, box.init, 0, 4)
    assert box.panicked == "Attempted to kill init! exitcode=0x0000000b"
    texts = [record.text for record in box.log.records]
    assert f"Kernel panic - not syncing: {box.panicked}" in texts and texts[-2] == "Kernel Offset: disabled"
    assert texts[-1] == f"---[ end Kernel panic - not syncing: {box.panicked} ]---"
    assert box.log.records[-1].level == 0


def test_segfault_lines_are_as_recorded(box: Box) -> None:
    """Addresses, error codes, `ip`, `sp` and the bytes of recorded faults of the same program at the same place."""
    lines = next(step for step in steps(REFERENCE / "transcripts" / "segfault.txt") if step.command == "dmesg").answer
    lines = [line[line.index("]") + 2 :] for line in lines if "segfault at" in line or "] Code:" in line]
    for place, (addr, error) in enumerate([(0, 4), (0xB0000000, 6), (0xC0000000, 5), (0x8048000, 7)]):
        box = box.copy()
        task = kernel_clone(box, box.init)
        do_execve(box, task, "a.out", ["a.out"])
        segfault(box, task, addr, error)
        ours, code = (record.text for record in list(box.log.records)[-2:])
        theirs = lines[2 * place].replace("eat[8049000+6e000]", "a.out[8049000+70000]")
        assert ours.partition("]")[2] == theirs.partition("]")[2]
        assert ours.startswith(f"a.out[{task.pid}]:")
        assert code == lines[2 * place + 1]


def test_segfault_where_no_code_can_be_read(box: Box) -> None:
    task = box.current
    segfault(box, task, 0x9000000, 4, ip=0x9000000)
    ours, code = (record.text for record in list(box.log.records)[-2:])
    assert " ip 09000000 sp bffffd90 error 4 likely on CPU 0" in ours  # the area above is [vvar], no file
    assert code == "Code: Unable to access opcode bytes at 0x8ffffd6."


def test_exec_starts_as_recorded(box: Box) -> None:
    """Where init's code, data, heap, stack and arguments lie: /proc/1/stat of a recorded boot."""
    fields = (REFERENCE / "boot-1g-1cpu" / "self_stat").read_text().split()
    ours = PID_FILES["stat"](box, box.init).split()
    assert [ours[place - 1] for place in (23, 26, 27, 28, *range(45, 53))] == [
        fields[place - 1] for place in (23, 26, 27, 28, *range(45, 53))
    ]


def test_exec_of_nothing(box: Box) -> None:
    task = box.current
    before = PID_FILES["maps"](box, task)
    for name, code in (("nothing", "ENOENT"), ("/etc/passwd", "ENOEXEC"), ("/etc", "EISDIR")):
        with pytest.raises(KernelError) as error:
            do_execve(box, task, name, [name])
        assert error.value.code == code
    with pytest.raises(KernelError) as error:
        do_execve(box, task, "a.out", ["a.out", "x" * (7 << 20)])
    assert error.value.code == "E2BIG"
    assert PID_FILES["maps"](box, task) == before
    assert task.comm == "a.out"


def test_a_copied_box_has_its_own_processes(box: Box) -> None:
    other = box.copy()
    fork(other, other.current)
    assert len(other.tasks) == len(box.tasks) + 1
    assert other.current is not box.current
    assert other.current is other.tasks[53]


def test_a_random_family_stays_whole(box: Box) -> None:
    """Forks, execs, deaths and waits in an order that a small generator picks; then everything is undone by hand."""
    before = objects(box)
    state = 1
    for _ in range(300):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        living = [task for task in box.tasks.values() if task.mm is not None and task is not box.init]
        task = living[(state >> 8) % len(living)] if living else kernel_clone(box, box.init)
        switch_to(box, task)
        match (state >> 4) % 6:
            case 0 | 1:
                if len(living) < 12:
                    fork(box, task)
            case 2:
                do_execve(box, task, ("a.out", "sleep", "a.out-dyn")[(state >> 16) % 3], ["x"])
            case 3:
                touch_range(box, task, task.sp - 0x8000, 0x8000, True)
            case 4:
                do_exit(box, task, 0)
            case 5:
                if any(not box.tasks[pid].alive for pid in task.children):
                    do_wait(box, task)
        assert check_tasks(box) == []
    for task in list(box.tasks.values()):
        if task.mm is not None and task is not box.init:
            do_exit(box, task, 0)
    assert [pid for pid in box.tasks if pid > 28] == []
    assert box.vmstat["nr_kernel_stack"] == 8 * 28
    assert all(objects(box)[name] <= before[name] for name in before)


# what the recorded machines' /proc/PID/stat say right after boot, work that a worker has done lately left out
ONE_CPU = (
    "kthreadd rcu_gp rcu_par_gp slub_flushwq netns kworker/0:0 kworker/0:0H kworker/u2:0 mm_percpu_wq "
    "rcu_tasks_kthread rcu_tasks_trace_kthread ksoftirqd/0 rcu_preempt migration/0 kworker/0:1 cpuhp/0 . kdevtmpfs "
    "inet_frag_wq kauditd "
    "khungtaskd oom_reaper writeback kcompactd0 ksmd khugepaged kblockd blkcg_punt_bio quota_events_un kworker/u2:1 "
    "kworker/0:1H kswapd0 . acpi_thermal_pm kworker/u2:2 . zswap-shrink kworker/u3:0 jbd2/vdb-8 ext4-rsv-conver"
)
TWO_NODES = (
    "kthreadd rcu_gp rcu_par_gp slub_flushwq netns kworker/0:0 kworker/0:0H kworker/u8:0 kworker/u9:0 mm_percpu_wq "
    "rcu_tasks_kthread rcu_tasks_trace_kthread ksoftirqd/0 rcu_preempt migration/0 kworker/0:1 cpuhp/0 cpuhp/1 "
    "migration/1 ksoftirqd/1 kworker/1:0 kworker/1:0H cpuhp/2 migration/2 ksoftirqd/2 kworker/2:0 kworker/2:0H "
    "kworker/u10:0 cpuhp/3 migration/3 ksoftirqd/3 kworker/3:0 kworker/3:0H . . kworker/u9:1 kworker/u10:1 kdevtmpfs "
    "inet_frag_wq kauditd khungtaskd oom_reaper writeback kcompactd0 kcompactd1 ksmd khugepaged kblockd blkcg_punt_bio "
    "kworker/1:1 kworker/2:1 kworker/3:1 quota_events_un kworker/0:1H kswapd0 kswapd1 . acpi_thermal_pm kworker/0:2 . "
    "zswap-shrink kworker/u11:0 kworker/u12:0 kworker/u13:0 jbd2/vdb-8 ext4-rsv-conver"
)


@pytest.mark.parametrize(
    ("config", "names"),
    [
        (Config(arch="x86_64"), ONE_CPU),
        (Config(arch="x86_64", ram=256 << 20), ONE_CPU.replace(" khugepaged", "")),
        (Config(arch="x86_64", ram=2 << 30, cpus=4, nodes=((1 << 30, (0, 1)), (1 << 30, (2, 3)))), TWO_NODES),
    ],
)
def test_kernel_threads(config: Config, names: str) -> None:
    box = Box(config)
    expected = {pid: name for pid, name in enumerate(names.split(), 2) if name != "."}
    threads = [task for task in box.tasks.values() if task.is_kthread]
    assert {task.pid: re.sub(r"(kworker/\w+:\w+)-.*", r"\1", task.comm) for task in threads} == expected
    assert all(task.nice == (-20 if re.search(r"H\b|H-", task.comm) else task.nice) for task in threads)
    starts = [task.start_usec for task in threads]
    assert starts == sorted(starts) and 0 < starts[0] < starts[-1] <= box.uptime_usec


@pytest.mark.parametrize("limit", [100 << 10, 1200 << 10])
def test_exec_past_the_point_of_no_return(limit: int) -> None:
    """What fails once the old memory is gone ends the process with SIGSEGV (bprm_execve)."""
    box = Box(Config(ram=64 * MIB))
    child = fork(box, box.current).child
    child.signal.rlim[RLIMIT_AS] = (limit, limit)
    with pytest.raises(PastReturn):
        do_execve(box, child, "a.out-dyn", ["a.out-dyn"])
    assert not child.alive and child.exit_code & 0x7F == 11
    assert check(box) == []


def test_who_dies_while_another_works_is_current_no_more(box: Box) -> None:
    waiting, other = box.current, fork(box, box.current).child
    with on_cpu_of(box, other):
        assert box.current is other
        send_sig(box, waiting, 9)
    assert box.current is box.init and check(box) == []
