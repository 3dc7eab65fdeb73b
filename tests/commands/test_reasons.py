"""What is refused says why, below Linux's own words, where a person reads it; scripts see Linux's words alone."""

from __future__ import annotations

import io

import pytest

from memsh.cli import open_session
from memsh.commands import reasons
from memsh.inspect import check
from memsh.teach import slips

NO = "Cannot allocate memory\n"


def typed(line: str, told: bool = True, *options: str) -> tuple[str, str]:
    """(what it printed, what it complained) after a line in a box of 512 MiB."""
    out, err = io.StringIO(), io.StringIO()
    session = open_session([*(options or ("--ram", "512M"))], out, err)
    if told:
        reasons.tell(session)
    session.run(line)
    assert check.check(session.box) == []
    return out.getvalue(), err.getvalue()


REFUSED = [
    ("kmalloc 5M", "kmalloc: " + NO, "the largest kmalloc is 4 MiB"),
    ("alloc_pages 11", "alloc_pages: " + NO, "MAX_ORDER is 11: the largest block is order 10, 1024 pages, 4 MiB"),
    ("for i in 1 2 3 4; do alloc_pages 10 GFP_DMA; done", "alloc_pages: " + NO,
     "order 10 was asked for: DMA has 768 pages free against min 21, largest free block order 9"),
    ("vmalloc 800M", "vmalloc: " + NO, "204800 pages were asked for, and the box has 127430"),
    ("sysctl -w vm.overcommit_memory=2 > /dev/null; mmap 2G", "mmap: " + NO,
     "Committed_AS 6984 kB and 2097152 kB more are 2104136 kB, not below CommitLimit 254860 kB"),
    ("sysctl -w vm.overcommit_memory=2; p=$(mmap 225M rw); fork", "fork: " + NO,
     "Committed_AS 237384 kB and 231084 kB more are 468468 kB, not below CommitLimit 254860 kB"),
    ("mmap 1G", "mmap: " + NO, "refuses one request of 1048576 kB: RAM and swap are 509720 + 0 = 509720 kB"),
    ("sysctl -w vm.overcommit_memory=1; mmap 2900M", "mmap: " + NO, "the largest hole in the process has 2.7 GiB"),
    ("brk 0xc0000000", "brk: " + NO, "could grow up to 0xb7ffa000"), ("sbrk 3000M", "sbrk: " + NO, "up to 0xb7ffa000"),
    ("mprotect 0x1000 4k r", "mprotect: " + NO, "0x00001000 lies in no area"),
    ("kfree 0xc1234568", "kfree: Invalid argument\n", "no object of a slab begins there"),
    ("vfree 0x1000", "vfree: Invalid argument\n", "no vmalloc area begins at 0x1000"),
    ("kmem_cache create x 5M", "kmem_cache create: Invalid argument\n", "an object may be up to 4 MiB"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "words", "why"), REFUSED)
def test_a_refusal_gives_its_reason(line: str, words: str, why: str) -> None:
    _, err = typed(line)
    assert err.startswith(words) and err.count("\n") == 2
    assert why in err.split("\n")[1] and err.split("\n")[1].startswith("  ")
    assert typed(line, told=False)[1] == words


def test_a_gfp_flag_that_there_is_not_is_led_to_one() -> None:
    _, err = typed("alloc_page GFP_HIGHMEM")
    assert "did you mean __GFP_HIGHMEM or GFP_HIGHUSER" in err and typed("alloc_page GFP_HIGHUSER")[1] == ""


def test_vmalloc_that_has_no_addresses() -> None:
    _, err = typed("vmalloc 200M", True, "--ram", "2G")
    assert "the vmalloc area has 104 MiB of addresses, its largest hole" in err


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("p=$(malloc 1000); free $p", "waits in the thread's cache"), ("p=$(malloc 20); free $p", "thread's cache"),
        ("p=$(malloc 9000); malloc 100; free $p", "chunks in use lie above it, below top at"),
        ("p=$(malloc 60000); free $p", ""), ("p=$(malloc 1500); free $p; q=$(malloc 1200); free $q", "part of top now"),
        ("p=$(malloc 200k); free $p", ""), ("p=$(malloc 90000); q=$(malloc 90000); free $p; free $q", ""),
    ],
)
def test_free_says_why_nothing_went_back(line: str, why: str) -> None:
    _, err = typed(line)
    assert err.rstrip("\n").rpartition("\n")[2].startswith("  nothing goes back") if why else True
    assert why in err and typed(line, told=False)[1] == ""


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("touch 0x1234", "reading 0x00001234: it lies in no area of a.out; nearest: read-only data 08048000-08049000"),
        ("write 08048000", "writing 0x08048000 is not allowed: it lies in read-only data of a.out, 08048000-08049000"),
        ("touch c0000000", "reading 0xc0000000: that is the kernel's; user space ends at 0xc0000000"),
    ],
)
def test_a_death_by_signal_says_where_the_address_lies(line: str, why: str) -> None:
    _, err = typed(line)
    first, reason, ended, _ = err.split("\n")
    assert first == "Segmentation fault" and reason.startswith("  " + why) and "undo takes it back" in ended
    assert why not in typed(line, told=False)[1]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("k=$(kmalloc 64); kfree $k; whatis $k", "free: it waits in the array of CPU 0, the next to be handed out"),
        ("k=$(kmalloc 64); whatis $k", "\n  in use\n"), ("whatis 0xa0", "a hole, no RAM: Video RAM area"),
        ("whatis 0xe0", "a hole, no RAM: nothing answers"), ("whatis 0x1000", "reserved at boot, Kernel code"),
        ("p=$(mmap 4k); touch $p; fork; write $p; whatis $p", "private: this process wrote here after fork"),
        ("p=$(mmap 4k); touch $p; fork; write $p; as $ whatis $p", "the page of before fork; the other process wrote"),
        ("p=$(mmap 4k); touch $p; fork; as $ write $p; whatis $p", "private: the child wrote here and took a copy"),
        ("p=$(mmap 4k); touch $p; fork; as $ write $p; as $ whatis $p", "private: this process wrote here after"),
    ],
)
def test_whatis_says_why_it_is_so(line: str, said: str) -> None:
    assert said.strip() in " ".join(typed(line)[0].split()) or said in typed(line)[0]


def test_a_slip_in_init_is_not_run_at_the_prompt() -> None:
    out, err = io.StringIO(), io.StringIO()
    session = open_session(["--ram", "64M"], out, err)
    assert not slips.would_panic(session, {"touch"}, "touch 0x1234")  # a.out may die
    session.run("touch 0x1234")
    before = session.box.timer.usec, dict(session.box.vmstat)
    assert slips.would_panic(session, {"touch"}, "touch 0x1234")
    assert slips.would_panic(session, {"_exit", "echo"}, "echo x; _exit 3")
    assert not slips.would_panic(session, {"run"}, "run a.out")
    assert not slips.would_panic(session, {"touch", "save"}, "touch 0x1234; save /tmp/x")  # not run twice
    assert not session.box.panicked and before == (session.box.timer.usec, dict(session.box.vmstat))
    session.strict = True
    assert not slips.would_panic(session, {"touch"}, "touch 0x1234")


def test_after_a_panic_files_refuse_and_one_undo_goes_back() -> None:
    out = io.StringIO()
    session = open_session(["--ram", "64M"], out, out)
    session.run("touch 0x1234")
    session.run("touch 0x1234")
    assert session.box.panicked
    for line in ("ls", "ls /bin", "cat /bin/a.out", "cat < /bin/a.out", "wc /bin/a.out", "echo x > /tmp/f"):
        out.seek(0)
        out.truncate()
        assert session.run(line) == 1, line
        assert "the kernel has panicked" in out.getvalue()
    assert session.run("cat /proc/buddyinfo") == 0 == session.run("ls /proc")
    assert session.run("undo") == 0
    assert not session.box.panicked and session.box.current is session.box.init
    assert session.run("undo; ls > /dev/null; touch 08153000") == 0
