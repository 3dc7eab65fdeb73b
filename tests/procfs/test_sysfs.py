"""/sys as tools open it: CPUs, disks and their queues, tracepoints."""

from __future__ import annotations

import re

import pytest

from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE
from memsh.linux.include.mm_types import MM_ANONPAGES
from memsh.linux.kernel.fork import fork
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box
from memsh.procfs import tree
from memsh.procfs.trace_format import event_text

# /sys/block/vda/queue of the recorded machines, name by name
QUEUE = """
    add_random chunk_sectors dax discard_granularity discard_max_bytes discard_max_hw_bytes discard_zeroes_data
    dma_alignment fua hw_sector_size io_poll io_poll_delay iostats logical_block_size max_discard_segments
    max_hw_sectors_kb max_integrity_segments max_sectors_kb max_segment_size max_segments minimum_io_size nomerges
    nr_requests nr_zones optimal_io_size physical_block_size read_ahead_kb rotational rq_affinity scheduler
    stable_writes virt_boundary_mask wbt_lat_usec write_cache write_same_max_bytes write_zeroes_max_bytes
    zone_append_max_bytes zone_write_granularity zoned
"""


@pytest.fixture
def box() -> Box:
    return Box(Config(ram=64 * MIB, cpus=2, swap=64 * MIB))


def show(box: Box, path: str) -> str:
    return tree.show(box, f"/sys/{path}").rstrip("\n")


def test_cpus(box: Box) -> None:
    cpu = "devices/system/cpu"
    assert [show(box, f"{cpu}/{name}") for name in ("online", "possible", "present", "kernel_max", "offline")] == [
        "0-1", "0-1", "0-1", "7", "",
    ]  # fmt: skip
    assert show(box, f"{cpu}/cpu1/topology/core_cpus") == "2" and show(box, f"{cpu}/cpu1/topology/package_cpus") == "3"
    assert show(box, f"{cpu}/cpu0/cache/index3/shared_cpu_list") == "0-1"
    assert show(box, f"{cpu}/cpu0/cache/index2/number_of_sets") == "4096"
    assert not tree.exists(box, f"/sys/{cpu}/cpu2") and not tree.exists(box, f"/sys/{cpu}/cpu01")
    wide = Box(Config(arch="x86_64", ram=512 * MIB, cpus=36))
    assert show(wide, f"{cpu}/kernel_max") == "8191"
    assert show(wide, f"{cpu}/cpu33/topology/core_cpus") == "2,00000000"
    assert show(Box(Config(ram=64 * MIB)), f"{cpu}/online") == "0"
    assert tree.mode(box, f"/sys/{cpu}") == 0o755 and tree.mode(box, "/sys") == 0o555


def test_disks(box: Box) -> None:
    others = {*(f"loop{number}" for number in range(8)), *(f"ram{number}" for number in range(16))}
    assert set(tree.listdir(box, "/sys/block")) == {"vda", "vdb", *others}
    shown = tree.show(box, "/proc/diskstats").splitlines()
    assert {line.split()[2] for line in shown} == {"vda", "vdb", *others}
    assert tree.readlink(box, "/sys/block/ram7") == "../devices/virtual/block/ram7"
    assert show(box, "block/ram7/dev") == "1:7"
    target = tree.readlink(box, "/sys/block/vda")
    assert target == "../devices/pci0000:00/0000:00:02.0/virtio0/block/vda"
    assert tree.readlink(box, "/sys/class/block/vdb") == "../" + target.replace("02.0/virtio0", "03.0/virtio1").replace(
        "vda", "vdb"
    )
    for way in ("block/vda", "class/block/vda", "dev/block/254:0"):
        assert show(box, f"{way}/size") == "131072" and show(box, f"{way}/dev") == "254:0"
    assert sorted(tree.listdir(box, "/sys/block/vda/queue")) == sorted(QUEUE.split())
    assert show(box, "block/vda/queue/scheduler") == "[none] mq-deadline kyber "
    assert show(box, "block/vda/queue/write_cache") == "write back"
    stat = show(box, "block/vdb/stat")
    row = next(line for line in tree.show(box, "/proc/diskstats").splitlines() if " vdb " in line)
    assert stat.split() == row.split()[3:] and len(stat) == 17 * 9 - 1
    tree.store(box, "/sys/block/vda/queue/nr_requests", "256\n")
    for path, text in (("block/vda/queue/nr_requests", "257"), ("block/vda/size", "1")):
        with pytest.raises(KernelError):
            tree.store(box, f"/sys/{path}", text)


def test_pieces_of_memory_that_cannot_go() -> None:
    """As a real kernel of 512 MiB answered: the first piece and the last have holes."""
    wide = Box(Config(arch="x86_64", ram=512 * MIB))
    for number in (0, 3):
        for name, text in (("state", "offline\n"), ("online", "n\n"), ("online", "off\n")):
            with pytest.raises(KernelError, match="Invalid"):
                tree.store(wide, f"/sys/devices/system/memory/memory{number}/{name}", text)
    tree.store(wide, "/sys/devices/system/memory/memory1/online", "on\n")
    for text in (" n\n", "2\n"):
        with pytest.raises(KernelError, match="Invalid"):
            tree.store(wide, "/sys/devices/system/memory/memory1/online", text)


def test_tracepoints(box: Box) -> None:
    tracing = "kernel/tracing"
    assert "kmem:kmalloc" in show(box, f"{tracing}/available_events").split("\n")
    assert show(box, f"{tracing}/events/enable") == "0" and show(box, f"{tracing}/set_event") == ""
    tree.store(box, f"/sys/{tracing}/events/kmem/kmalloc/enable", "1\n")
    assert show(box, f"{tracing}/tracing_on") == "1"
    assert [show(box, f"{tracing}/events/{name}enable") for name in ("", "kmem/", "kmem/kmalloc/", "vmscan/")] == [
        "X", "X", "1", "0",
    ]  # fmt: skip
    box.slab.kmalloc(64)
    box.pages.alloc_pages(0xCC0, 2)
    assert [record[0] for record in box.trace.ring] == ["kmalloc"]
    tree.store(box, f"/sys/{tracing}/set_event", "kmem:mm_page_alloc !kmalloc\n")
    assert show(box, f"{tracing}/set_event") == "kmem:mm_page_alloc"
    tree.store(box, f"/sys/{tracing}/set_event", "vmscan:*\n")
    assert show(box, f"{tracing}/events/vmscan/enable") == "1"
    tree.truncate(box, f"/sys/{tracing}/set_event")
    assert show(box, f"{tracing}/set_event") == "" and show(box, f"{tracing}/tracing_on") == "1"
    for path, text in ((f"{tracing}/set_event", "nonsense"), (f"{tracing}/events/kmem/enable", "2")):
        with pytest.raises(KernelError, match="Invalid argument"):
            tree.store(box, f"/sys/{path}", text)
    with pytest.raises(KernelError, match="Invalid argument"):
        tree.store(box, f"/sys/{tracing}/available_events", "x")


def test_events_of_compaction_and_the_oom_killer() -> None:
    box = Box(Config(ram=64 * MIB))
    tree.store(box, "/sys/kernel/tracing/set_event", "compaction:* migrate:* oom:*")
    tree.store(box, "/proc/self/oom_score_adj", "300")
    tree.store(box, "/proc/sys/vm/compact_memory", "1")
    tree.store(box, "/proc/sysrq-trigger", "f")
    text = tree.show(box, "/sys/kernel/tracing/trace")
    said = [line.split(": ", 1)[1] for line in text.splitlines() if line[0] != "#"]
    assert said[0] == f"oom_score_adj_update: pid={box.last_pid} comm=a.out oom_score_adj=300"
    begun = [line for line in said if line.startswith("mm_compaction_begin")]
    ended = [line for line in said if line.startswith("mm_compaction_end")]
    assert begun and len(begun) == len(ended)
    assert re.fullmatch(r"mm_compaction_begin: zone_start=0x\w+ migrate_pfn=0x\w+ free_pfn=0x\w+ zone_end=0x\w+, "
                        "mode=sync", begun[0])  # fmt: skip
    assert all(line.endswith("mode=sync status=complete") for line in ended)
    moved = sum(int(line.split("nr_succeeded=")[1].split()[0]) for line in said if line.startswith("mm_migrate_pages"))
    assert moved == box.vmstat["pgmigrate_success"]
    assert re.fullmatch(r"mark_victim: pid=\d+ comm=a.out total-vm=\d+kB anon-rss=\d+kB file-rss:\d+kB shmem-rss:0kB "
                        r"uid=0 pgtables=\d+kB oom_score_adj=300", said[-1])  # fmt: skip


def test_rss_stat_tells_of_each_counter() -> None:
    """Page by page at faults, a table at once where areas go or are copied; who is current, and whose memory it is."""
    box = Box(Config(ram=64 * MIB))
    mm, task = box.current.mm, box.current
    assert mm is not None
    tree.truncate(box, "/sys/kernel/tracing/set_event")  # as `echo … > set_event` does
    tree.store(box, "/sys/kernel/tracing/set_event", "kmem:rss_stat\n")
    addr = vma.sys_mmap(box, mm, 0, 16384, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    base = mm.rss[MM_ANONPAGES]
    touch_range(box, task, addr, 16384, True)
    sizes = [record[4] >> 12 for record in box.trace.ring]
    assert sizes == [base + 1, base + 2, base + 3, base + 4]
    assert {record[2:4] for record in box.trace.ring} == {(1, 1)}
    box.trace.clear()
    child = fork(box, task).child
    other = [record for record in box.trace.ring if record[2] == 0]
    assert other and {record[1] for record in other} != {record[1] for record in box.trace.ring if record[2]}
    box.trace.clear()
    touch_range(box, task, addr, 4096, True)  # another anonymous page instead: nothing to tell
    assert not box.trace.ring and child.mm is not None
    vma.do_munmap(box, mm, addr, 16384)
    assert [(record[3], record[4] >> 12) for record in box.trace.ring] == [(1, mm.rss[MM_ANONPAGES])]
    assert re.fullmatch(r"rss_stat: mm_id=\d+ curr=1 type=MM_ANONPAGES size=\d+B",
                        event_text(box.arch, box.trace.ring[0]))  # fmt: skip
