"""/proc/kcore, /sys/kernel/debug/sched/domains, lru_gen: as a kernel of that size answered."""

from __future__ import annotations

import re

import pytest

from memsh.linux.config import Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import MAP_ANONYMOUS, MAP_PRIVATE
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.uaccess import write
from memsh.linux.mm.mmap import vma
from memsh.machines.box import Box
from memsh.procfs import kcore, tree

MIB = 1 << 20
HEAD32 = """
7f454c46010101000000000000000000 04000300010000000000000034000000 00000000000000003400200003000000
"""
LOAD32 = "0100000000207e2000007ee0ffffffff00e0811e00e0811e0700000000100000"
RAM64 = ("01000000070000000040100080080000000010008088ffff0000100000000000"
         "0000ee1f000000000000ee1f000000000010000000000000")


def test_the_headers() -> None:
    box = Box(Config(ram=512 * MIB))
    words = kcore.pread(box, 0, 4096).hex()
    assert words.startswith("".join(HEAD32.split())) and LOAD32 in words
    wide = Box(Config(ram=512 * MIB, arch="x86_64"))
    words = kcore.pread(wide, 0, 4096).hex()
    assert RAM64 in words and words[64 * 2 :].startswith("04000000")


def test_the_direct_mapping() -> None:
    box = Box(Config(ram=128 * MIB))
    mm = box.current.mm
    assert mm is not None
    addr = vma.sys_mmap(box, mm, 0, 4096, 3, MAP_PRIVATE | MAP_ANONYMOUS)
    touch_range(box, box.current, addr, 4096, True)
    write(box, box.current, addr + 10, b"hello")
    pfn = next(pfn for pfn, page in box.memmap.data.items() if page[10:15] == b"hello")
    layout = box.machine.layout
    at = layout.kcore_offset(box.arch.page_offset + (pfn << 12)) + layout.kcore_headers
    assert kcore.pread(box, at + 8, 10) == b"\0\0hello\0\0\0"
    assert kcore.pread(box, at - 2, 4096 * 2)[12:17] == b"hello"
    assert kcore.pread(box, 1 << 34, 3) == bytes(3)


def test_generations() -> None:
    box = Box(Config(ram=512 * MIB, arch="x86_64"))
    file, enabled = "/sys/kernel/debug/lru_gen", "/sys/kernel/mm/lru_gen/enabled"
    for text in ("+ 1 0 2", "+ 1 0 3", "+ 1 0 4", "- 1 0 0", "- 1 0 2", "+ 1 0 3 1", "+ 1 0 2 5 7", "- 1 0 0 200 5"):
        tree.store(box, file, text + "\n")
    for text in ("- 1 0 5", "x 1 0 0", "+ 1 0", "+ 2 0 0", "+ 1 1 0", "+ 1 0 3 x", "- 1 0 0 201", "+ 1 0 2 5 7 9", ""):
        with pytest.raises(KernelError, match="Invalid"):
            tree.store(box, file, text + "\n")
    assert [line.split()[0] for line in tree.show(box, file).splitlines()[2:]] == ["2", "3", "4", "5"]
    for text, shown in (("y", "7"), ("n", "0"), ("8", "0"), ("0xf", "7"), ("y n", "7"), ("65536", "0")):
        tree.store(box, enabled, text + "\n")
        assert tree.show(box, enabled) == f"0x000{shown}\n"
    for text, shown in (("1000", "1000"), ("0x10", "16"), ("4294967295", "4294967288"), ("5", "8")):
        tree.store(box, "/sys/kernel/mm/lru_gen/min_ttl_ms", text)
        assert tree.show(box, "/sys/kernel/mm/lru_gen/min_ttl_ms") == f"{shown}\n"


def test_domains() -> None:
    folder = "/sys/kernel/debug/sched/domains"
    box = Box(Config(ram=256 * MIB, arch="x86_64", cpus=4, nodes=((128 * MIB, (0, 1)), (128 * MIB, (2, 3)))))
    assert tree.listdir(box, f"{folder}/cpu3") == ["domain0", "domain1"]
    shown = [tree.show(box, f"{folder}/cpu0/domain{at}/{name}").strip() for at in (0, 1)
             for name in ("name", "min_interval", "max_interval", "cache_nice_tries")]  # fmt: skip
    assert shown == ["MC", "2", "4", "1", "NUMA", "4", "8", "2"]
    assert re.search("SD_WAKE_AFFINE SD_SERIALIZE SD_OVERLAP SD_NUMA $", tree.show(box, f"{folder}/cpu0/domain1/flags"))
    tree.store(box, f"{folder}/cpu0/domain1/busy_factor", "32")
    assert tree.show(box, f"{folder}/cpu0/domain1/busy_factor") == "32\n"
    assert tree.listdir(Box(Config(ram=128 * MIB, arch="x86_64")), f"{folder}/cpu0") == []
