"""The kernel command line: what mem=, kernelcore= and their kin made of a real machine, and what happens to words that
nobody knows."""

from __future__ import annotations

import io
from typing import Any

import pytest

from memsh.cli import open_session
from memsh.inspect.check import check
from memsh.linux.arch.x86.e820 import Entry, sanitize
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.lib.cmdline import memparse
from memsh.linux.mm.memory.fault import touch_range
from memsh.linux.mm.memory.outcome import Segfault
from memsh.machines.box import Box
from memsh.procfs import tree


def booted(cmdline: str, ram: int = GIB, arch: str = "x86_64", **more: Any) -> Box:
    box = Box(Config(ram=ram, arch=arch, cmdline=cmdline, **more))
    assert check(box) == []
    return box


def zones(box: Box) -> dict[str, tuple[int, int, int]]:
    """First frame, present and managed pages of each zone that is there."""
    return {zone.name: (zone.start_pfn, zone.present, zone.managed) for zone in box.pages.zones if zone.present}


def log(box: Box) -> str:
    return tree.show(box, "/proc/kmsg")


def test_mem_ends_ram_and_moves_the_ram_disk() -> None:
    box = booted("mem=600M")
    assert zones(box) == {"DMA": (1, 3998, 3840), "DMA32": (4096, 149504, 141657)}
    text = log(box)
    assert "e820: remove [mem 0x25800000-0xfffffffffffffffe] usable" in text
    assert "user: [mem 0x0000000000100000-0x00000000257fffff] usable" in text
    assert "Allocated new RAMDISK: [mem 0x25599000-0x257ff389]" in text
    assert "00100000-257fffff : System RAM" in tree.show(box, "/proc/iomem")


def test_kernelcore_leaves_the_rest_to_pages_that_can_move() -> None:
    box = booted("kernelcore=1G maxcpus=1", 2 * GIB, cpus=2)
    found = zones(box)
    assert {name: row[:2] for name, row in found.items()} == {
        "DMA": (1, 3998), "DMA32": (4096, 259072), "Movable": (263168, 261088)}  # fmt: skip
    assert abs(found["DMA32"][2] - 254267) < 30
    assert found["Movable"][2] == 251976
    assert "  Node 0: 0x0000000040400000" in log(box)
    assert "Policy zone: DMA32" in log(box)
    by_name = {zone.name: zone for zone in box.pages.zones}
    assert [by_name[name].wmark_min for name in ("DMA", "DMA32", "Movable")] == [85, 5606, 5572]
    from memsh.linux.include.flags import GFP_HIGHUSER_MOVABLE, GFP_KERNEL

    assert box.pages.zone_of(box.pages.alloc_pages(GFP_HIGHUSER_MOVABLE, 3)).name == "Movable"
    assert box.pages.zone_of(box.pages.alloc_pages(GFP_KERNEL, 3)).name == "DMA32"


@pytest.mark.parametrize("arch", ["x86_64", "i386"])
@pytest.mark.parametrize("cmdline", [
    "kernelcore=30%", "movablecore=300M", "movablecore=50% kernelcore=200M", "memmap=64M$512M", "memmap=100M#400M",
    "memmap=exactmap memmap=640K@0 memmap=300M@1M", "mem=700M memmap=16M!256M", "memmap=500M",
])  # fmt: skip
def test_any_map_makes_a_whole_machine(arch: str, cmdline: str) -> None:
    box = booted(cmdline, arch=arch)
    out = io.StringIO()
    session = open_session(["--arch", arch, "--cmdline", cmdline, "--ram", "1G"], out, out)
    session.run("mmap 100M rw; touch $1 100M; kmalloc 5000; vmalloc 1M; alloc_pages 5; check")
    assert "ok: " in out.getvalue()
    assert sum(zone.present for zone in box.pages.zones) < GIB >> 12


def test_movablecore_on_two_nodes_is_taken_from_both() -> None:
    nodes = ((512 * MIB, (0,)), (512 * MIB, (1,)))
    box = booted("movablecore=256M", cpus=2, nodes=nodes)
    movable = [zone for zone in box.pages.zones if zone.name == "Movable" and zone.present]
    assert len(movable) == 2
    assert 200 * MIB < sum(zone.present for zone in movable) << 12 <= 260 * MIB


def test_fewer_cpus() -> None:
    box = booted("maxcpus=1", cpus=4)
    cpu = "/sys/devices/system/cpu/"
    assert [tree.show(box, cpu + name) for name in ("online", "offline", "present", "possible")] == [
        "0\n", "1-3\n", "0-3\n", "0-3\n"]  # fmt: skip
    assert "smp: Brought up 1 node, 1 CPU\n" in log(box)
    box = booted("nr_cpus=2", cpus=4, nodes=((512 * MIB, (0, 2)), (512 * MIB, (1, 3))))
    assert tree.show(box, cpu + "possible") == "0-1\n"
    assert [node.cpus for node in box.pages.nodes] == [(0,), (1,)]


def test_numa_off_is_one_node() -> None:
    box = booted("numa=off", cpus=2, nodes=((512 * MIB, (0,)), (512 * MIB, (1,))), distance=30)
    assert len(box.pages.nodes) == 1
    assert "NUMA turned off" in log(box)


def test_what_the_kernel_does_not_know_goes_to_init() -> None:
    box = booted("foo bar=1 quiet BOOT_IMAGE=/vmlinuz ro x.y=1 nonsense bar=2 -- extra")
    text = log(box)
    assert ('Unknown kernel command line parameters "foo nonsense bar=2 BOOT_IMAGE=/vmlinuz", will be passed to user '
            "space.") in text  # fmt: skip
    assert "    /init\n" in text.replace("] ", "]\n") or "/init" in text
    assert [line for line in text.splitlines() if line.endswith("    extra")]
    assert box.notes == ["on the command line, not modelled, without effect here: ro, x.y"]


def test_i386_does_not_know_huge_pages() -> None:
    text = log(booted("hugepages=4", arch="i386"))
    assert 'Unknown kernel command line parameters "hugepages=4", will be passed to user space.' in text


def test_tunables_on_the_command_line() -> None:
    box = booted("sysctl.vm.swappiness=10 sysctl/vm/nope=3 sysctl.kernel.version=x sysctl.vm.dirty_ratio=900 panic=7 "
                 "loglevel=6 quiet init_on_alloc=1")  # fmt: skip
    assert tree.show(box, "/proc/sys/vm/swappiness") == "10\n"
    assert tree.show(box, "/proc/sys/kernel/panic") == "7\n"
    assert tree.show(box, "/proc/sys/kernel/printk") == "4\t4\t1\t7\n"
    text = log(box)
    assert "Failed to set sysctl parameter 'vm/nope=3': parameter not found" in text
    assert "Failed to set sysctl parameter 'kernel.version=x': permission denied (read-only?)" in text
    assert "Failed to set sysctl parameter 'vm.dirty_ratio=900': invalid value" in text
    assert "heap alloc:on, heap free:off" in text
    assert box.notes == []


@pytest.mark.parametrize("cmdline", ["mem=2M", "memmap=exactmap", "mem=nopentium"])
def test_a_map_without_room_or_sense_is_refused(cmdline: str) -> None:
    with pytest.raises(ValueError, match=r"memory|RAM disk|not modelled"):
        Box(Config(arch="x86_64", cmdline=cmdline))


def test_a_saved_box_has_all_its_cpus_and_nodes(tmp_path: Any) -> None:
    out = io.StringIO()
    session = open_session(["--arch", "x86_64", "--cpus", "2", "--nodes", "512M:0,512M:1", "--cmdline", "maxcpus=1"],
                           out, out)  # fmt: skip
    session.run(f"save {tmp_path}/a.memsh")
    line = (tmp_path / "a.memsh").read_text().splitlines()[1]
    assert "--cpus 2" in line
    assert "512M:0,512M:1" in line


@pytest.mark.parametrize(("text", "number", "rest"), [
    ("2M", 2 << 20, ""), ("0x10k@", 16 << 10, "@"), ("010", 8, ""), ("08", 0, "8"), ("M", 0, ""), ("", 0, ""),
    ("1g!5", 1 << 30, "!5"), ("7", 7, ""),
    ("18446744073709551617", 1, ""), ("9" * 5000 + "k", 0xFFFFFFFFFFFFFC00, ""), ("17E", 1 << 60, ""),
])  # fmt: skip
def test_memparse(text: str, number: int, rest: str) -> None:
    assert memparse(text) == (number, rest)


def test_the_larger_kind_counts_where_ranges_overlap() -> None:
    assert sanitize([Entry(0, 100, "usable"), Entry(40, 60, "reserved"), Entry(100, 120, "usable")]) == [
        Entry(0, 40, "usable"), Entry(40, 60, "reserved"), Entry(60, 120, "usable")]  # fmt: skip


def test_a_movable_zone_of_high_memory_is_high_memory() -> None:
    """i386 with 1 GiB and kernelcore=256M, as the real kernel came up: marks, figures and lines of the log."""
    box = Box(Config(ram=GIB, cmdline="kernelcore=256M norandmaps vmalloc=106488K"))
    zones = box.pages.zones
    marks = [(zone.name, zone.managed, zone.wmark_min, zone.wmark_low, zone.wmark_high) for zone in zones]
    assert marks == [("DMA", 3840, 16, 20, 24), ("Normal", 220806, 929, 1161, 1393),
                     ("HighMem", 0, 32, 32, 32), ("Movable", 32736, 32, 66, 100)]  # fmt: skip
    texts = [record.text for record in box.log.records]
    assert "Initializing Movable for node 0 (00038000:0003ffe0)" in texts
    assert any(text.endswith("0K cma-reserved, 130944K highmem)") for text in texts)


def test_holes_in_ram_are_told_of() -> None:
    texts = [record.text for record in Box(Config(ram=GIB, cmdline="memmap=100M$400M mem=900M")).log.records]
    assert "On node 0, zone Normal: 25600 pages in unavailable ranges" in texts


def test_addresses_are_shown_where_the_allocator_is_debugged() -> None:
    for cmdline in ("slub_debug=P", "no_hash_pointers", "slub_debug no_hash_pointers"):
        texts = [record.text for record in Box(Config(arch="x86_64", ram=GIB, cmdline=cmdline)).log.records]
        assert texts.count("** This system shows unhashed kernel memory addresses   **") == 1
        assert texts.count("*" * 58) == 2


def test_values_that_an_early_parameter_refuses_are_told_of_in_their_order() -> None:
    text = log(booted("norandmaps mem=abc memmap=xyz kernelcore= loglevel=x maxcpus=z"))
    told = [line.split("] ", 1)[1] for line in text.splitlines() if "alformed" in line]
    assert told == ["Malformed early option 'mem'", "Malformed early option 'loglevel'"]
    assert "user-defined physical RAM map:" in text
    assert "user-defined" not in log(booted("memmap=xyz"))


def test_without_mirrored_memory_only_what_lies_above_4_gib_is_movable() -> None:
    box = booted("kernelcore=mirror", ram=5 * GIB)
    assert zones(box)["Movable"][:2] == (1 << 20, 1 << 19)
    assert "This configuration results in unmirrored kernel memory." in log(box)
    assert "Movable" not in zones(booted("kernelcore=mirror"))


def test_tables_are_sized_by_the_cpus_that_there_could_be() -> None:
    assert "futex hash table entries: 512" in log(booted("maxcpus=1", cpus=2))
    assert "futex hash table entries: 256" in log(booted("nr_cpus=1", cpus=2))


@pytest.mark.parametrize(
    ("cmdline", "iomem", "mapped"),
    [
        ("memmap=64M$256M memmap=16M#512M memmap=8M!768M",
         ["10000000-13ffffff : Reserved", "20000000-20ffffff : ACPI Tables",
          "30000000-307fffff : Persistent Memory (legacy)"], {"i386": 12288 + 815104, "x86_64": 18304 + 940032}),
        ("memmap=32M%0x10000000-1+2 memmap=700M", ["10000000-11ffffff : Reserved", "2bc00000-2bffffff : RAM buffer"],
         {"i386": 12288 + 671744, "x86_64": 684032}),
        ("mem=300M", ["12c00000-13ffffff : RAM buffer"], {"i386": 307200, "x86_64": 16384 + 290816}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_kinds_of_memory(arch: str, cmdline: str, iomem: list[str], mapped: dict[str, int]) -> None:
    """/proc/iomem and what the kernel maps for itself, as both kernels with these parameters say."""
    box = Box(Config(arch=arch, ram=GIB, cmdline=cmdline + " norandmaps" + " vmalloc=106488K" * (arch == "i386")))
    rows = tree.show(box, "/proc/iomem").splitlines()
    assert [row for row in iomem if row not in rows] == []
    figures = tree.show(box, "/proc/meminfo").splitlines()
    assert sum(int(line.split()[1]) for line in figures if line.startswith("DirectMap")) == mapped[arch]


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_processors_beyond_a_limit(arch: str) -> None:
    text = log(Box(Config(arch=arch, cpus=2, cmdline="nr_cpus=1")))
    limit = "APIC: NR_CPUS/possible_cpus limit of 1 reached. Processor"
    assert "smpboot: 2 Processors exceeds NR_CPUS limit of 1\n" in text and "Max logical packages: 2\n" in text
    assert f"{limit} 1/0x1 ignored.\n" in text and f"{limit} 2/0x1 ignored.\n" in text
    text = log(Box(Config(arch=arch, cpus=2, cmdline="nosmp")))
    assert "smpboot: 2 Processors exceeds max_cpus limit of 0\n" in text and "Allowing 1 CPUs" in text
    assert text.count(limit) == 1 and f"{limit} 1/0x1 ignored.\n" in text


@pytest.mark.parametrize(("arch", "managed"), [("i386", 220776), ("x86_64", 248579)])
def test_a_kernel_for_one_cpu_that_may_have_more_keeps_the_list_of_locks(arch: str, managed: int) -> None:
    """As both kernels say with two CPUs and maxcpus=1."""
    words = "norandmaps maxcpus=1" + " vmalloc=106488K" * (arch == "i386")
    box = Box(Config(arch=arch, ram=GIB, cpus=2, cmdline=words))
    assert "SMP alternatives" not in log(box) and check(box) == []
    assert managed in {zone.managed for zone in box.pages.zones}


ASKED = ("dhash_entries=3000 ihash_entries=0x400 mhash_entries=5 mphash_entries=100000 thash_entries=100000 "
         "uhash_entries=10 log_buf_len=1M crashkernel=64M hostname=foo coredump_filter=0x7f")  # fmt: skip
TABLES = {  # what the real machines of 512 MiB made of it, and of a wish that is larger than a block may be
    "i386": ("Dentry cache hash table entries: 4096 (order: 2, 16384 bytes, linear)",
             "Inode-cache hash table entries: 1024 (order: 0, 4096 bytes, linear)",
             "Mount-cache hash table entries: 8 (order: 0, 32 bytes, linear)",
             "Mountpoint-cache hash table entries: 131072 (order: 7, 524288 bytes, linear)",
             "tcp_listen_portaddr_hash hash table entries: 65536 (order: 7, 524288 bytes, linear)",
             "TCP established hash table entries: 131072 (order: 7, 524288 bytes, linear)",
             "TCP bind hash table entries: 65536 (order: 8, 1048576 bytes, linear)",
             "TCP: Hash tables configured (established 131072 bind 65536)",
             "UDP hash table entries: 256 (order: 1, 8192 bytes, linear)", "log_buf_len: 1048576 bytes"),
    "x86_64": ("Dentry cache hash table entries: 4096 (order: 3, 32768 bytes, linear)",
               "Inode-cache hash table entries: 1024 (order: 1, 8192 bytes, linear)",
               "Mount-cache hash table entries: 8 (order: 0, 64 bytes, linear)",
               "Mountpoint-cache hash table entries: 131072 (order: 8, 1048576 bytes, linear)",
               "TCP established hash table entries: 131072 (order: 8, 1048576 bytes, linear)",
               "TCP bind hash table entries: 65536 (order: 9, 2097152 bytes, linear)", "log_buf_len: 1048576 bytes",
               "Reserving 64MB of memory at 432MB for crashkernel (System RAM: 511MB)"),
}  # fmt: skip


@pytest.mark.parametrize("arch", list(TABLES))
def test_tables_of_the_size_that_was_asked_for(arch: str) -> None:
    box = booted(ASKED, arch=arch, ram=512 * MIB)
    text = log(box)
    assert [line for line in TABLES[arch] if f"{line}\n" not in text] == []
    assert box.notes == [] and "Unknown kernel command line" not in text
    net = "/proc/sys/net/ipv4/tcp_"
    assert [tree.show(box, net + name).strip() for name in ("ehash_entries", "max_orphans", "max_syn_backlog")] == [
        "131072", "65536", "1024"]  # fmt: skip
    assert tree.show(box, "/proc/sys/kernel/hostname") == "foo\n"
    assert tree.show(box, "/proc/self/coredump_filter") == "0000007f\n"
    crash = [line for line in tree.show(box, "/proc/iomem").splitlines() if line.endswith("Crash kernel")]
    assert crash == (["  1b000000-1effffff : Crash kernel"] if arch == "x86_64" else [])


@pytest.mark.parametrize(("arch", "tcp_mem", "peers"), [("i386", 1288, 5386), ("x86_64", 1029, 4096)])
def test_the_network_goes_by_the_memory_that_it_found(arch: str, tcp_mem: int, peers: int) -> None:
    box = booted("", arch=arch, ram=96 * MIB)
    net = "/proc/sys/net/ipv4/"
    assert [tree.show(box, f"{net}tcp_{name}") for name in ("max_orphans", "ehash_entries")] == ["512\n", "1024\n"]
    assert tree.show(box, f"{net}tcp_mem").split() == [str(n) for n in (tcp_mem // 4 * 3, tcp_mem, tcp_mem // 4 * 6)]
    assert abs(int(tree.show(box, f"{net}tcp_rmem").split()[-1]) - (tcp_mem << 9)) < 16 << 5
    assert abs(int(tree.show(box, f"{net}inet_peer_threshold")) - peers) < 5


def test_a_table_larger_than_a_block_is_mapped() -> None:
    for arch, line in (("i386", "4194304 (order: 12, 16777216 bytes, vmalloc)"),
                       ("x86_64", "2097152 (order: 12, 16777216 bytes, vmalloc hugepage)")):  # fmt: skip
        box = booted("thash_entries=3000000", arch=arch, ram=512 * MIB)
        assert f"TCP established hash table entries: {line}\n" in log(box)
        assert " 16781312 alloc_large_system_hash+" in tree.show(box, "/proc/vmallocinfo")


def test_what_is_no_number_is_unknown() -> None:
    box = booted("thash_entries=12x dhash_entries= uhash_entries=-5 mhash_entries log_buf_len")
    text = log(box)
    assert "Malformed early option 'log_buf_len'\n" in text
    assert 'Unknown kernel command line parameters "mhash_entries thash_entries=12x uhash_entries=-5"' in text


@pytest.mark.parametrize(("cmdline", "told"), [
    ("crashkernel=512M-2G:64M,2G-:128M", "Reserving 64MB of memory at "),
    ("crashkernel=64M@128M", "Reserving 64MB of memory at 128MB for crashkernel (System RAM: 1023MB)"),
    ("crashkernel=64M@1M", "crashkernel reservation failed - memory is in use."),
    ("crashkernel=4G", "crashkernel reservation failed - No suitable area found."),
    ("crashkernel=abc", "crashkernel: memory value expected"), ("crashkernel=1G-64M", "unrecognized char: -"),
    ("crashkernel=2G-4G:64M", "crashkernel size resulted in zero bytes"),
    ("crashkernel=2G-1G:64M", "crashkernel: end <= start"), ("crashkernel=0-:8G", "crashkernel: invalid size"),
    ("crashkernel=128M,high crashkernel=16M,low", "Reserving 128MB of memory at "),
])  # fmt: skip
def test_crashkernel(cmdline: str, told: str) -> None:
    assert told in log(booted(cmdline, arch="x86_64"))


def test_what_is_kept_for_a_crash_can_be_given_back() -> None:
    box = booted("crashkernel=64M", arch="x86_64", ram=512 * MIB)
    name, total = "/sys/kernel/kexec_crash_size", sum(zone.managed for zone in box.pages.zones)
    assert tree.show(box, name) == f"{64 * MIB}\n"
    with pytest.raises(KernelError, match="Invalid argument"):
        tree.store(box, name, f"{65 * MIB}\n")
    tree.store(box, name, f"{63 * MIB + 1}\n")
    assert sum(zone.managed for zone in box.pages.zones) - total == 255
    assert tree.show(box, name) == f"{63 * MIB + 4096}\n"
    tree.store(box, name, "0\n")
    assert "Crash kernel" not in tree.show(box, "/proc/iomem")
    assert sum(zone.managed for zone in box.pages.zones) - total == 64 << 8
    assert check(box) == []


def test_psi_can_be_off() -> None:
    """No /proc/pressure, and no such file in a cgroup; a word that is neither yes nor no goes to init."""
    box = booted("psi=0")
    assert not tree.exists(box, "/proc/pressure") and not tree.exists(box, "/proc/pressure/memory")
    assert [name for name in tree.listdir(box, "/sys/fs/cgroup") if "pressure" in name] == []
    box = booted("psi=maybe")
    assert tree.exists(box, "/proc/pressure/memory")
    assert 'Unknown kernel command line parameters "psi=maybe"' in log(box)


def test_sysrq_can_be_kept_on() -> None:
    for arch in ("i386", "x86_64"):
        box = booted("sysrq_always_enabled", arch=arch)
        assert "sysrq: sysrq always enabled." in log(box)
        tree.store(box, "/proc/sys/kernel/sysrq", "3\n")
        assert tree.show(box, "/proc/sys/kernel/sysrq") == "1\n"


def test_the_gap_below_the_stack_is_as_wide_as_the_command_line_says() -> None:
    """Without norandmaps it is part of what lies between the stack and the first mapping."""
    wide, default = booted("norandmaps stack_guard_gap=65536"), booted("norandmaps")
    assert tree.show(default, "/proc/1/maps").splitlines()[-2][:12] == "7ffff7ffd000"
    assert tree.show(wide, "/proc/1/maps").splitlines()[-2][:12] == "7fffef7fd000"


@pytest.mark.parametrize(("mode", "row"), [
    ("xonly", "ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]"),
    ("emulate", "ffffffffff600000-ffffffffff601000 r-xp 00000000 00:00 0                  [vsyscall]"),
    ("none", "7ffffffde000-7ffffffff000 rw-p 00000000 00:00 0                          [stack]"),
])  # fmt: skip
def test_the_page_of_the_old_system_calls(mode: str, row: str) -> None:
    box = booted(f"norandmaps vsyscall={mode}")
    assert tree.show(box, "/proc/1/maps").splitlines()[-1] == row
    flags = {"xonly": "VmFlags: ex ", "emulate": "VmFlags: rd ex ", "none": "VmFlags: rd wr mr mw me gd ac "}
    assert tree.show(box, "/proc/1/smaps").splitlines()[-1] == flags[mode]
    assert "vsyscall" not in tree.show(box, "/proc/1/numa_maps")
    if mode == "emulate":  # there without a fault, for reading alone
        assert touch_range(box, box.current, 0xFFFFFFFFFF600000, 1, False)[:2] == (0, 0)
    with pytest.raises(Segfault):
        touch_range(box, box.current, 0xFFFFFFFFFF600000, 1, mode == "emulate")


def test_a_mode_that_the_page_does_not_have_is_malformed() -> None:
    assert "Malformed early option 'vsyscall'" in log(booted("vsyscall=bad"))
    assert "Malformed" not in log(booted("norandmaps numa vsyscall=bad", arch="i386"))
