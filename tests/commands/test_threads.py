"""thread, and what threads mean to the other commands, as they are typed."""

import pytest

from memsh.inspect.check import check
from tests.commands.typed import Typed


def test_a_thread_becomes_the_current_one_with_a_stack_of_its_own(typed: Typed) -> None:
    typed("before=$(grep VmStk /proc/self/status)")
    assert typed("thread") == "$1 = 54  minflt 1 majflt 0\n"
    assert typed("grep -E '^(Tgid|Pid|Threads)' /proc/thread-self/status") == "Tgid:\t53\nPid:\t54\nThreads:\t2\n"
    assert typed("readlink /proc/self /proc/thread-self") == "53\n53/task/54\n"
    assert typed("ls /proc/self/task") == "53  54\n" or typed("ls /proc/self/task").split() == ["53", "54"]
    assert typed("grep -c '00000000 00:00 0 $' /proc/self/maps") == "2\n"  # the guard page, the stack
    assert typed("ls /proc | grep -cx 54") == "0\n"
    assert typed("grep Tgid /proc/54/status") == "Tgid:\t53\n"


def test_threads_share_memory_and_count_their_faults(typed: Typed) -> None:
    typed("p=$(mmap 64k); thread; touch $p 64k")
    stat = "/proc/self/task/54/stat"
    assert typed(f"cut -d' ' -f10 {stat}") == "17\n" or int(typed(f"cut -d' ' -f10 {stat}")) >= 16
    assert int(typed("cut -d' ' -f10 /proc/53/stat")) > int(typed(f"cut -d' ' -f10 {stat}"))
    assert typed("as 53 touch $p 64k") == "minflt 0 majflt 0\n"
    assert typed("cut -d' ' -f20 /proc/self/stat") == "2\n"


def test_ps_and_top_list_threads(typed: Typed) -> None:
    typed("thread; thread")
    assert typed("ps -o pid,nlwp -p 53") == "  PID NLWP\n   53    3\n"
    assert typed("ps -L -o pid,lwp,comm -p 53").splitlines()[1:] == [f"   53    {tid} a.out" for tid in (53, 54, 55)]
    rows = typed("top -bn1 -H -p 53").splitlines()
    assert rows[1].startswith("Threads:   3 total")
    assert typed("cut -d/ -f2 /proc/loadavg").startswith(typed("ps -eL | tail -n +2 | wc -l").strip() + " ")


def test_the_stack_of_a_thread_that_ended_is_kept_for_the_next(typed: Typed) -> None:
    typed("thread")
    maps = typed("cat /proc/self/maps")
    assert "wait for ever" in typed("as 53 thread join 54")
    assert "thread 54 (a.out) has ended; 53 (a.out) is current" in typed("thread exit")
    assert typed("cat /proc/self/maps") == maps
    assert typed("thread") .startswith("$2 = 55  minflt 1 ") and typed("cat /proc/self/maps") != maps
    typed("switch 53; thread join 54")
    assert "thread: No such process" in typed("thread join 54")
    maps = typed("cat /proc/self/maps")
    assert "minflt 0 " in typed("thread") and typed("cat /proc/self/maps") == maps


def test_forty_mebibytes_of_stacks_are_kept(typed: Typed) -> None:
    for _ in range(7):
        typed("thread -d; switch 53")
    full = int(typed("cut -d' ' -f1 /proc/self/statm"))
    for tid in range(54, 61):
        typed(f"as {tid} thread exit")
    assert full - int(typed("cut -d' ' -f1 /proc/self/statm")) == 3 * 2049  # eight MiB and a guard page each


def test_a_detached_thread_is_never_joined(typed: Typed) -> None:
    typed("thread -d; switch 53")
    assert "thread: Invalid argument" in typed("thread join 54")
    assert "thread: Invalid argument" in typed("thread detach 54")
    typed("thread; switch 53; thread detach 55; as 55 thread exit")
    assert "Invalid argument" in typed("thread --stack 8k")
    assert "minflt" in typed("thread --stack 16k --guard 0")


def test_a_signal_ends_all_threads(typed: Typed) -> None:
    typed("run a.out; thread; thread")
    assert "process 54 (a.out) has ended; 1 (init) is current" in typed("switch 54; kill -9 56")
    assert typed("pgrep a.out") == "53\n"


def test_a_fault_of_one_thread_ends_the_process(typed: Typed) -> None:
    typed("run a.out; thread; thread")
    assert "Segmentation fault" in typed("write 0")
    assert typed.status == 139
    assert typed("pgrep a.out") == "53\n"
    assert "a.out[56]: segfault at 0" in typed("dmesg | tail -2")


def test_the_first_thread_may_end_before_the_others(typed: Typed) -> None:
    typed("c=$(fork); as $c thread; p=$(pgrep -n a.out)")
    typed("as $c thread exit")
    assert typed("grep -E 'State|Threads' /proc/54/status") == "State:\tZ (zombie)\nThreads:\t2\n"
    assert "has ended yet" in typed("wait")
    typed("as 55 _exit 3")
    assert typed("wait") .endswith("= 54  minflt 0 majflt 0  exit status 3\n")


def test_a_signal_to_a_first_thread_that_has_ended_ends_the_others(typed: Typed) -> None:
    typed("run a.out; thread; as 54 thread exit; switch 1; kill -9 54")
    assert typed("pgrep a.out") == "53\n"


def test_a_thread_cannot_join_itself(typed: Typed) -> None:
    assert "thread: Resource deadlock avoided" in typed("thread; thread join 54")


def test_exec_by_a_thread_takes_the_place_of_its_process(typed: Typed) -> None:
    typed("c=$(fork); as $c thread; as 55 exec a.out-dyn")
    assert typed("cat /proc/54/comm") == "a.out-dyn\n"
    assert typed("ls /proc/54/task | wc -w") == "1\n"
    assert typed("wait").startswith("wait: no child")
    typed("as 54 _exit 0")
    assert typed("wait").startswith("$")


def test_a_child_has_the_thread_that_forked_and_the_stacks_of_all(typed: Typed) -> None:
    typed("thread; p=$(malloc 100); c=$(fork); switch $c")
    assert typed("grep Threads /proc/self/status") == "Threads:\t1\n"
    maps = typed("cat /proc/self/maps")
    assert "minflt" in typed("malloc 100; free $p")
    typed("switch 53; thread; switch $c; thread")
    assert typed("grep Threads /proc/self/status") == "Threads:\t2\n"
    assert len(typed("cat /proc/self/maps").splitlines()) == len(maps.splitlines()) + 2


def test_areas_are_called_by_what_they_are_for(typed: Typed) -> None:
    typed("thread; p=$(malloc 100); thread")
    names = [line[:15].strip() for line in typed("areas").splitlines()]
    at = names.index("arena")
    assert names[at : at + 2] == ["arena", "arena (rest)"]
    for tid in (54, 55):
        at = names.index(f"stack of {tid}")
        assert names[at - 1] == "guard"
    assert ": arena of a.out (PID 55)" in typed("whatis $p")


def test_the_library_may_find_its_threads_gone(typed: Typed) -> None:
    typed("run a.out; thread")
    start, end = typed("grep -A1 -- '---p' /proc/self/maps | tail -1").split()[0].split("-")
    typed(f"switch 54; munmap 0x{start} {int(end, 16) - int(start, 16)}; c=$(fork)")
    assert "killed by signal 11" in typed("wait")  # the child
    assert "Segmentation fault" in typed("switch 55; thread exit")
    assert typed("pgrep -x a.out") == "53\n"


def test_threads_max_is_a_limit(typed: Typed) -> None:
    typed("sysctl -w kernel.threads-max=$(ps -e | tail -n +2 | wc -l)")
    if typed("cat /proc/sys/kernel/threads-max") != typed("ps -e | tail -n +2 | wc -l"):
        pytest.fail("threads-max was not taken")
    assert "thread: Resource temporarily unavailable" in typed("thread")


def test_undo_takes_a_thread_back(typed: Typed) -> None:
    typed("thread; malloc 100")
    typed("undo 2")
    assert typed("grep Threads /proc/self/status") == "Threads:\t1\n"


def test_a_thread_that_dies_for_memory_needs_some_itself() -> None:
    """The word that it clears for the others is in swap: the reserves let it be read, and nobody else dies for it."""
    typed = Typed("--ram", "64M", "--swap", "16M")
    typed("p=$(malloc 12M); touch $p 12M; thread")
    typed("s=0x$(grep -A1 -- '---p' /proc/self/maps | tail -1 | cut -d- -f1); madvise $s 8M pageout")
    typed("echo 1000 > /proc/53/oom_score_adj; run a.out; a=$(mmap 200M rw noreserve); touch $a 200M")
    killed = typed("dmesg | grep -o 'Killed process [0-9]*'").splitlines()
    assert killed == ["Killed process 53", "Killed process 55"]
    assert check(typed.session.box) == []
