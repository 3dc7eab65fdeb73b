"""The views on a captured tree: zones, nodes and page sizes that are not i386's, and files that are cut or missing."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from memsh.cli import open_session
from tests.diagnosis import forge
from tests.diagnosis.forge import TaskTruth, Truth, ZoneTruth

ZONEINFO = """Node {node}, zone    DMA32
  pages free     {free}
        boost    100
        min      300
        low      400
        high     500
        spanned  65536
        present  65536
        managed  60000
        protection: (0, {kept}, {kept})
      nr_free_pages {free}
  pagesets
    cpu: 0
              count: 7
              high:  100
              batch: 10
  start_pfn:           65536
"""
BUDDY = "Node {node}, zone    DMA32 {orders} \n"
MEMINFO = """MemTotal:        7680000 kB
MemFree:          128000 kB
MemAvailable:     {available} kB
Buffers:               0 kB
Cached:           640000 kB
Active(file):     320000 kB
Inactive(file):   320000 kB
AnonPages:       6400000 kB
Shmem:                 0 kB
KReclaimable:      64000 kB
Slab:             128000 kB
SReclaimable:      64000 kB
KernelStack:        7488 kB
VmallocTotal:   34359738367 kB
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two nodes of DMA32 memory in pages of 64 KiB, SLUB, 117 threads."""
    (tmp_path / "zoneinfo").write_text(
        ZONEINFO.format(node=0, free=1000, kept=9) + ZONEINFO.format(node=1, free=1000, kept=0)
    )
    orders = [8, 4, 2, *[0] * 10, 0]
    (tmp_path / "buddyinfo").write_text(
        "".join(BUDDY.format(node=n, orders=" ".join(map(str, orders))) for n in (0, 1))
    )
    kb = 128000 - (409 + 400) * 64 + 640000 - 800 * 64 + 64000 - 32000
    (tmp_path / "meminfo").write_text(MEMINFO.format(available=kb))
    (tmp_path / "vmstat").write_text("nr_free_pages 2000\nthp_fault_alloc 3\npgalloc_dma32 9\n")
    (tmp_path / "loadavg").write_text("0.00 0.01 0.05 1/117 300\n")
    (tmp_path / "slabinfo").write_text(
        "slabinfo - version: 2.1\n# name\ndentry 100 120 192 21 1 : tunables 0 0 0 : slabdata 6 6 0\n"
    )
    return tmp_path


def run(tree: Path, line: str, *argv: str) -> str:
    out = io.StringIO()
    open_session(["--proc", str(tree), "--width", "100", *argv], out, out).run(line)
    return out.getvalue()


def test_pages_of_64_kib_and_nodes_by_name(tree: Path) -> None:
    said = run(tree, "buddy 'Node 1'")
    assert said.startswith("node 1, zone DMA32: 24 free pages, 1.5 MiB\n  on per-CPU lists: 7 pages")
    assert "  2      256 KiB       2  512 KiB" in said
    assert run(tree, "buddy --node 0 dma32").startswith("node 0, zone DMA32")
    assert "it has node 0 DMA32, node 1 DMA32" in run(tree, "buddy Normal")


def test_the_tree_may_be_told_its_page_size(tree: Path) -> None:
    assert "24 free pages, 96 KiB" in run(tree, "buddy --node 1", "--page-size", "4k")
    with pytest.raises(Exception, match="power of two"):
        run(tree, "buddy", "--page-size", "5k")


def test_available_is_the_kernels_own_sum(tree: Path) -> None:
    lines = run(tree, "explain available").splitlines()
    assert lines[-2].split()[1] == lines[-1].split()[3]
    assert "explains two things" in run(tree, "explain kmalloc 64")


def test_the_other_views(tree: Path) -> None:
    assert "2^6 = 64 pages of 64 KiB, 4 MiB; 1 MiB left over" in run(tree, "order 3M")
    assert "the largest block is order 13, 512 MiB" in run(tree, "order 2G")
    account = run(tree, "account").splitlines()
    assert account[-1].split() == ["MemTotal", "120000", "7680000"]
    assert sum(int(line.split()[-1]) for line in account[1:-1]) == 7680000
    assert "  0 DMA32 0% 33% 67% 100% 100%" in run(tree, "frag")
    assert "kept from requests that may use higher zones: 0, 9, 9 pages" in run(tree, "zones --node 0")
    assert "dentry: objects of 192 bytes, 21 in a slab of 64 KiB" in run(tree, "slab dentry")
    assert "did you mean dentry?" in run(tree, "slab dentyr")
    assert "buff/cache  = Buffers 0 + Cached 640000 + SReclaimable 64000 = 704000 kB" in run(tree, "explain free")


def test_fields_tell_the_truth_about_this_machine(tree: Path) -> None:
    assert "64 kB a thread" in run(tree, "fields meminfo KernelStack")
    assert "free blocks of 4 pages, 256 KiB each" in run(tree, "fields buddyinfo 'Node 1'")
    assert "zone DMA32 as well" in run(tree, "fields zoneinfo 'Node 1'")
    assert "SLUB has no arrays" in run(tree, "fields slabinfo dentry")
    assert "faults that got a huge page" in run(tree, "fields vmstat thp_fault_alloc")
    assert "pages handed out from zone DMA32" in run(tree, "fields vmstat pgalloc_dma32")


@pytest.mark.parametrize("name", ["buddyinfo", "zoneinfo", "meminfo", "slabinfo", "vmstat", "pagetypeinfo"])
@pytest.mark.parametrize(
    "text", ["", "\0\1\2", "$ cat x\n", "Node 0, zone\n", "cpu  1 2\n", "a b c d : e\n", "Node 0, zone X 1 2"]
)
def test_files_that_make_no_sense_crash_nothing(tree: Path, name: str, text: str) -> None:
    (tree / name).write_text(text)
    views = "buddy|zones|frag|account|order 1M|slab|slab dentry|explain free|explain available|diagnose /proc/buddyinfo"
    tools = f"fields {name}|free|vmstat|slabtop -o|ps|top -b -n 1"
    for line in [*views.split("|"), *tools.split("|")]:
        assert "bug in memsh" not in run(tree, line)


def test_a_tree_with_cut_lines(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "stat").write_text("cpu  1 2\ncpu0 1\nbtime 100\nintr\n")
    (tmp_path / "7" / "stat").write_text("7 (a b) S 1 7 7 0 -1 0 and so on\n")
    (tmp_path / "7" / "statm").write_text("12\n")
    (tmp_path / "uptime").write_text("3.0 2.0\n")
    (tmp_path / "meminfo").write_text("MemTotal: 100 kB\nMemFree:\n")
    for line in ("ps -e", "top -b -n 1", "vmstat", "free", "uptime", "fields stat", "fields 7/stat", "fields 7/statm"):
        said = run(tmp_path, line)
        assert "bug in memsh" not in said
    assert " a b" in run(tmp_path, "ps -e")


def test_a_report_or_an_archive_is_a_tree_too(tree: Path, tmp_path: Path) -> None:
    zones = [ZoneTruth(0, "DMA32", 40000, 500, [0, 90, 90], [(7, "UM"), (3, "M"), *[(0, "")] * 8, (20, "M")])]
    t = Truth("5.4", zones, anon=9000, tasks=[TaskTruth(77, "java", 8000, 5, 3)], mask="0xcc0", names="GFP_KERNEL")
    log = tmp_path / "kern.log"
    log.write_text(forge.syslog(forge.oom(t, t.tasks[0])))
    assert run(log, "buddy").startswith("node 0, zone DMA32: 20493 free pages, 80.1 MiB")
    assert "watermarks: min 500  low 625  high 750" in run(log, "zones")
    assert run(log, "account").splitlines()[-1].split() == ["MemTotal", "40000", "160000"]
    assert run(log, "ps -o pid,rss,comm -p 77").splitlines()[1].split() == ["77", "32000", "java"]
    assert "no readable /proc/slabinfo" in run(log, "slab dentry")
    packed = tmp_path / "capture.tar.gz"
    with tarfile.open(packed, "w:gz") as tar:
        tar.add(tree, "host/proc", filter=lambda member: None if member.name.endswith((".gz", ".log")) else member)
    for line in (
        "buddy",
        "zones",
        "frag",
        "account",
        "free",
        "slabtop -o",
        "fields meminfo",
        "explain available",
        "ls",
    ):
        assert run(packed, line) == run(tree, line).replace("capture.tar.gz\n", "").replace("kern.log\n", "")
    with pytest.raises(Exception, match="nothing that a /proc has"):
        run(Path("/etc/hostname"), "ps")
