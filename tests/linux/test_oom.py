"""The OOM killer: whom it chooses, what it writes, and that the box is whole afterwards."""

import re

import pytest

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.fs.exec import do_execve
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL, MAP_ANONYMOUS, MAP_NORESERVE, MAP_PRIVATE
from memsh.linux.include.sched import Task
from memsh.linux.kernel import sysctl
from memsh.linux.kernel.fork import kernel_clone
from memsh.linux.lib.dump_stack import dump_stack, requester
from memsh.linux.lib.gfptext import gfp_text
from memsh.linux.mm.filemap import pagecache
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import Killed
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box
from tests.paths import REFERENCE

_BASE = Box(Config(ram=128 * MIB))
FLAGS = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE


@pytest.fixture
def box() -> Box:
    return _BASE.copy()


def eat(box: Box, task: Task, length: int) -> None:
    assert task.mm is not None
    addr = vma.sys_mmap(box, task.mm, 0, length, 3, FLAGS)
    box.current = task
    touch_range(box, task, addr, length, True)


def child(box: Box) -> Task:
    parent = box.current
    task = kernel_clone(box, parent)
    do_execve(box, task, "/bin/a.out", ["a.out"]) if "/bin/a.out" in box.programs else None
    return task


def recorded_report() -> list[str]:
    text = (REFERENCE / "transcripts" / "oom.txt").read_text().split("\n")
    start = next(n for n, line in enumerate(text) if "invoked oom-killer" in line)
    end = next(n for n, line in enumerate(text) if n > start and "Killed process" in line)
    return text[start : end + 1]


def report(box: Box) -> list[str]:
    texts = [f"<{record.level}>[ # ] {line}" for record in box.log.records for line in record.text.split("\n")]
    start = next(n for n, line in enumerate(texts) if "invoked oom-killer" in line)
    return texts[start:]


def test_the_report_has_the_recorded_lines() -> None:
    box = Box(Config(ram=64 * MIB))  # where it is not the program's own text that does not fit any more
    small = box.current
    other = child(box)
    eat(box, small, 16 * MIB)
    small.oom_score_adj = -1000
    with pytest.raises(Killed):
        eat(box, other, 256 * MIB)
    assert box.oom.is_victim(other)
    ours = report(box)
    theirs = [re.sub(r"\[ *\d+\.\d+\]", "[ # ]", line) for line in recorded_report()]
    drop = re.compile(r"  \? ")  # guesses of the unwinder
    theirs = [line for line in theirs if not drop.search(line)]
    words = re.compile(r"^(<\d>\[ # \] +)([A-Za-z][A-Za-z_.-]*)?")
    assert [words.match(line).group() for line in ours[1:]] == [words.match(line).group() for line in theirs[1:]]  # type: ignore[union-attr]
    keys = re.compile(r"([A-Za-z_()? ]+)[:=]")
    zone_mine = next(line for line in ours if " Normal free:" in line)
    zone_theirs = next(line for line in theirs if " Normal free:" in line)
    assert keys.findall(zone_mine) == keys.findall(zone_theirs)
    assert box.vmstat["oom_kill"] == 1
    box.oom.settle()
    assert not other.alive and small.alive
    assert check(box) == []


def test_the_figures_agree_with_the_counters(box: Box) -> None:
    from memsh.linux.mm.page_alloc.showmem import mem_info

    lines = mem_info(box)
    joined = "\n".join(lines)
    assert f"active_anon:{box.vmstat['nr_active_anon']} inactive_anon:{box.vmstat['nr_inactive_anon']} " in joined
    assert f"{box.vmstat['nr_file_pages']} total pagecache pages" in joined
    for zone in box.pages.zones:
        if zone.present:
            line = next(line for line in lines if line.startswith(f"{zone.name}: "))
            assert line.endswith(f"= {zone.nr_free * 4}kB")
            parts = re.findall(r"(\d+)\*(\d+)kB", line)
            assert sum(int(count) * int(size) for count, size in parts) == zone.nr_free * 4


def test_the_largest_dies_not_the_one_that_asks(box: Box) -> None:
    large = box.current
    eat(box, large, 90 * MIB)
    small = child(box)
    assert small.mm is not None
    vma.do_munmap(box, small.mm, 0x8000_0000, 0x1000)
    eat(box, small, 30 * MIB)
    assert large.pid not in box.tasks or not large.alive
    assert small.alive and box.vmstat["oom_kill"] == 1
    assert check(box) == []


def test_the_score_can_be_adjusted(box: Box) -> None:
    large = box.current
    eat(box, large, 60 * MIB)
    small = child(box)
    small.oom_score_adj = 1000
    with pytest.raises(Killed):
        eat(box, small, 80 * MIB)
    box.oom.settle()
    assert large.alive and large.mm is not None and not small.alive
    assert check(box) == []


def test_panic_on_oom(box: Box) -> None:
    sysctl.put(box, "vm.panic_on_oom", "1")
    with pytest.raises(KernelError):
        eat(box, box.current, 256 * MIB)
    assert box.panicked == "Out of memory: system-wide panic_on_oom is enabled"
    assert any("Kernel panic - not syncing: Out of memory" in record.text for record in box.log.records)


@pytest.mark.parametrize(
    ("arch", "report", "panic"), [("i386", "0x9/0x76", "0x2d/0x76"), ("x86_64", "0x42/0x7e", "0x67/0x7e")]
)
def test_where_a_panic_on_oom_comes_from(arch: str, report: str, panic: str) -> None:
    """As the real kernels of both machines told it."""
    box = Box(Config(arch=arch, ram=64 * MIB))
    sysctl.put(box, "vm.panic_on_oom", "1")
    with pytest.raises(KernelError):
        eat(box, box.current, 128 * MIB)
    frames = [record.text.strip() for record in box.log.records if "out_of_memory" in record.text]
    assert frames == [f"out_of_memory.cold+{report}", f"out_of_memory.cold+{panic}"]


def test_the_allocating_task_can_be_chosen(box: Box) -> None:
    large = box.current
    eat(box, large, 80 * MIB)
    small = child(box)
    sysctl.put(box, "vm.oom_kill_allocating_task", "1")
    with pytest.raises(Killed):
        eat(box, small, 60 * MIB)
    assert box.oom.is_victim(small)
    assert "Out of memory (oom_kill_allocating_task): Killed process" in box.log.records[-1].text


def test_a_failed_allocation_is_reported_once_in_ten_seconds(box: Box) -> None:
    gfp = GFP_KERNEL
    while box.pages.alloc_pages(gfp, 10):
        pass
    assert not box.pages.alloc_pages(gfp, 10)
    texts = [record.text for record in box.log.records]
    heads = [text for text in texts if "page allocation failure" in text]
    assert heads == ["a.out: page allocation failure: order:10, mode:0xcc0(GFP_KERNEL), nodemask=(null)"]
    assert "Mem-Info:" in texts and texts[-1].endswith("pages reserved")
    box.timer.advance(11_000_000)
    assert not box.pages.alloc_pages(gfp, 10)
    assert sum("page allocation failure" in record.text for record in box.log.records) == 2
    assert check(box) == []


def test_a_fault_on_a_file_is_told_as_recorded(box: Box) -> None:
    """Frames that the unwinder is sure of; the page that was wanted is one of the page cache."""
    recorded = (REFERENCE / "captures" / "1024M-2cpu" / "raw" / "dmesg-oom").read_text()
    trace = recorded[recorded.index("Call Trace:") : recorded.index("EIP: 0xb7eaa4e5")].splitlines()[1:-1]
    sure = [line.partition("] ")[2] for line in trace if "] " in line and " ? " not in line]
    assert f"gfp_mask={pagecache.GFP_CACHE:#x}({gfp_text(pagecache.GFP_CACHE)})" in recorded
    before = len(box.log.records)
    dump_stack(box, "oom", requester(box, pagecache.GFP_CACHE, "pages"))
    ours = [record.text for record in list(box.log.records)[before:]]
    assert [text for text in ours if text.startswith(" ")] == sure


def test_vmalloc_says_what_linux_says() -> None:
    """Too much for the machine is a report; where pages run out its own __GFP_NOWARN silences it."""
    box = Box(Config(ram=64 * MIB))
    assert not box.vmalloc.vmalloc(100 * MIB)
    text = "\n".join(record.text for record in box.log.records)
    assert "a.out: vmalloc error: size 104857600, exceeds total pages, mode:0xcc0(GFP_KERNEL), nodemask=(null)" in text
    assert text.count("Mem-Info:") == 1
    box.timer.advance(11_000_000)
    assert not box.vmalloc.vmalloc(52 * MIB)
    text = "\n".join(record.text for record in box.log.records)
    assert "gfp_mask=0x2cc2(GFP_KERNEL|__GFP_HIGHMEM|__GFP_NOWARN), order=0" in text  # the OOM killer has its say
    assert "failed to allocate pages" not in text and "page allocation failure" not in text
    assert check(box) == []


@pytest.mark.parametrize(("program", "ip"), [("/bin/a.out", 0x43DDB0), ("/bin/a.out-dyn", 0x7FFFF7DE0000 + 0xF8350)])
def test_a_system_call_comes_from_write(program: str, ip: int) -> None:
    """The bytes before the return are mov $1,%eax and syscall, as the real kernel shows them."""
    box = Box(Config(arch="x86_64", ram=128 * MIB))
    do_execve(box, box.current, program, [program])
    assert not box.slab.kmalloc(5 << 20, GFP_KERNEL)
    lines = [record.text for record in box.log.records]
    at = lines.index(f"RIP: 0033:0x{ip:x}")
    assert "74 17 b8 01 00 00 00 0f 05 <48> 3d 00 f0 ff ff 77" in lines[at + 1]
    assert f"RCX: {ip:016x}" in lines[at + 3]
