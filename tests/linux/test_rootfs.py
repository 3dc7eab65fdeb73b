"""The programs of the x86_64 box lie on the root RAM file system: in shared memory, with nowhere to go but swap."""

from __future__ import annotations

from array import array

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import PTE_ACCESSED
from memsh.linux.include.memmap import PG_LRU
from memsh.linux.include.mm_types import AddressSpace
from memsh.linux.mm.filemap.pagecache import mapping_of
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.uaccess import read
from memsh.linux.mm.vmscan.shrink import reclaim_pages
from memsh.machines.box import Box
from memsh.procfs import tree
from tests.linux.swapping import switch_on
from tests.linux.test_shmem_huge import stat
from tests.linux.test_x86_64_boot import BOOTS, config_of

TEXT = 0x401000


def figures(text: str) -> dict[str, int]:
    return {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()}


def test_what_was_unpacked_as_recorded() -> None:
    """All of it; active is what was written twice, at the end of a piece of text, give or take a batch of the CPU's."""
    for folder in BOOTS:
        ours, real = (figures(text) for text in (tree.show(Box(config_of(folder)), "/proc/meminfo"),
                                                 (folder / "meminfo").read_text()))  # fmt: skip
        assert abs(ours["Shmem"] - real["Shmem"]) <= 8
        assert abs(ours["Cached"] - real["Cached"]) <= 8
        assert abs(ours["Active(anon)"] - real["Active(anon)"]) <= 60
        assert ours["Active(file)"] + ours["Inactive(file)"] <= 4  # the disk's own blocks


def test_where_the_programs_are() -> None:
    box = Box(Config(arch="x86_64", ram=256 * MIB))
    maps = tree.show(box, "/proc/self/maps")
    assert maps.startswith("00400000-00401000 r--p 00000000 00:02 16 ")
    for path, number in (("/init", 7), ("/lib/x86_64-linux-gnu/libc.so.6", 10), ("/bin/a.out-dyn", 15)):
        inode = box.fs.lookup(path)
        assert (inode.dev, inode.number) == ((0, 2), number)
    try:
        box.fs.unlink("/bin/a.out")
    except KernelError as error:
        assert error.code == "EBUSY"
    else:
        raise AssertionError("a file of another file system has lost its name")
    assert check(box) == []


def test_text_without_swap_stays_and_with_swap_comes_back() -> None:
    box = Box(Config(arch="x86_64", ram=256 * MIB))
    inode = box.fs.lookup("/bin/a.out")
    mapping: AddressSpace = mapping_of(box, inode)
    before = read(box, box.current, TEXT + 0x840, 64)
    page = box.fs.read(box.fs.open("/bin/a.out"), 0x5000, 4096)
    assert any(before) and any(page)
    pages = [mapping.pages[index] for index in range(151)]
    assert reclaim_pages(box, pages) == 0
    assert len(mapping.pages) == 221
    switch_on(box, 16384)
    mm = box.current.mm
    assert mm is not None
    for _ in range(2):  # written; when the disk has them, gone
        for table in mm.tables.values():
            table.ptes[:] = array(table.ptes.typecode, [pte & ~PTE_ACCESSED for pte in table.ptes])
        reclaim_pages(box, [pfn for pfn in pages if box.memmap.flags[pfn] & PG_LRU])
        box.timer.advance(100_000)
    assert len(mapping.pages) == 70
    assert read(box, box.current, TEXT + 0x840, 64) == before
    assert box.fs.read(box.fs.open("/bin/a.out"), 0x5000, 4096) == page
    faults = touch_range(box, box.current, TEXT, 100 * 4096, False)
    assert faults.majflt > 5
    assert stat(box, "pswpin")[0] >= 100
    assert check(box) == []
