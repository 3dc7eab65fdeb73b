"""CPUs that interrupt each other, and what is typed on another CPU than the first."""

from __future__ import annotations

import pytest

from memsh.inspect.check import check
from tests.commands.typed import Typed


def counts(typed: Typed, name: str) -> list[int]:
    line = next(line for line in typed("cat /proc/interrupts").splitlines() if line.startswith(name))
    return [int(word) for word in line.split()[1:] if word.isdecimal()]


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_who_interrupts_whom(arch: str) -> None:
    typed = Typed("--arch", arch, "--cpus", "3")
    reschedules, calls = counts(typed, "RES"), counts(typed, "CAL")
    typed("stress -q --cpu 2 -t 1")
    assert counts(typed, "RES") == [reschedules[0], reschedules[1] + 1, reschedules[2] + 1]
    typed("taskset -c 1 alloc_pages 0; taskset -c 0 alloc_pages 0")
    typed.session.box.pages.drain_all_pages()
    after = counts(typed, "CAL")
    assert after[0] == calls[0] and after[1] == calls[1] + 1


def test_an_idle_cpu_forgets_an_address_space_whose_tables_go() -> None:
    typed = Typed("--cpus", "2")
    typed("p=$(mmap 8M); touch $p 8M; t=$(thread); switch $t; taskset -cp 1 $t; touch $p 4k; switch 53")
    assert counts(typed, "TLB") == [0, 0]
    typed("munmap $p 8M")
    assert counts(typed, "TLB") == [0, 1]
    typed("munmap $p 8M")
    assert counts(typed, "TLB") == [0, 1]


def test_a_program_runs_where_the_one_that_starts_it_may() -> None:
    typed = Typed("--arch", "x86_64", "--nodes", "256M:0,256M:1", "--ram", "512M", "--cpus", "2")
    typed("taskset -cp 1 $(cut -d' ' -f1 /proc/self/stat); run a.out; p=$(mmap 40k); touch $p 40k")
    assert typed("grep Cpus_allowed_list /proc/self/status").split() == ["Cpus_allowed_list:", "1"]
    assert typed("nodes $p 40k").startswith("1+10")
    typed("switch 1 > /dev/null; run a.out")
    assert typed("grep Cpus_allowed_list /proc/self/status").split() == ["Cpus_allowed_list:", "0-1"]


def test_one_cpu_has_nobody_to_interrupt() -> None:
    typed = Typed()
    typed("stress -q --cpu 2 -t 1; echo 3 > /proc/sys/vm/drop_caches; echo 1 > /proc/sys/vm/compact_memory")
    assert [counts(typed, name) for name in ("RES", "CAL", "TLB")] == [[0]] * 3


def test_the_lists_of_another_cpu_on_i386() -> None:
    typed = Typed("--cpus", "2")
    assert "this CPU's list" in typed("taskset -c 1 alloc_pages 0")
    assert "array cache" in typed("taskset -c 1 kmalloc 100")
    rows = [line.split() for line in typed("grep -A1 'cpu: 1' /proc/zoneinfo").splitlines()]
    assert max(int(row[1]) for row in rows if row[0] == "count:") > 0
    assert "Invalid argument" in typed("taskset -cp 7 53") and check(typed.session.box) == []
