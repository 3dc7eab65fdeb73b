"""Files of /proc that tell of the kernel: interrupts, disks, page frames, keys; against recorded ones if there are."""

from __future__ import annotations

import re
import struct

import pytest

from memsh.linux.config import GIB, MIB, Config
from memsh.linux.fs.exec import do_execve
from memsh.linux.include.errno import KernelError
from memsh.linux.include.memmap import K_OTHER
from memsh.linux.kernel.fork import kernel_clone
from memsh.machines.box import Box
from memsh.procfs import tree
from memsh.procfs.node import Directory, Link
from tests.paths import REFERENCE

# /proc/interrupts of the recorded i386 with one CPU, the counts aside
INTERRUPTS = """\
           CPU0_______
  0:        125   IO-APIC   2-edge      timer
  1:          9   IO-APIC   1-edge      i8042
  4:        193   IO-APIC   4-edge      ttyS0
  8:          0   IO-APIC   8-edge      rtc0
  9:          0   IO-APIC   9-fasteoi   acpi
 12:          3   IO-APIC  12-edge      i8042
NMI:          0   Non-maskable interrupts
LOC:       2872   Local timer interrupts
SPU:          0   Spurious interrupts
PMI:          0   Performance monitoring interrupts
IWI:          0   IRQ work interrupts
RTR:          0   APIC ICR read retries
RES:          0   Rescheduling interrupts
CAL:          0   Function call interrupts
TLB:          0   TLB shootdowns
TRM:          0   Thermal event interrupts
ERR:          0
MIS:          0
PIN:          0   Posted-interrupt notification event
NPI:          0   Nested posted-interrupt event
PIW:          0   Posted-interrupt wakeup event
""".replace("_", " ", 7)
SHM = ("       key      shmid perms       size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime"
       "      ctime        rss       swap\n")  # fmt: skip


@pytest.fixture(scope="module")
def box() -> Box:
    return Box(Config(ram=64 * MIB))


def without_counts(text: str) -> list[str]:
    return [re.sub(r"(?<=: )[ \d]{10}(?= |$)", "#" * 10, line) for line in text.splitlines()]


def test_interrupts(box: Box) -> None:
    text = tree.show(box, "/proc/interrupts")
    assert [line for line in without_counts(text) if "virtio" not in line] == without_counts(INTERRUPTS)
    disks = [line.split() for line in text.splitlines() if "virtio" in line]
    assert [[words[0], *words[2:]] for words in disks] == [
        ["24:", "PCI-MSI", "32768-edge", "virtio0-config"], ["25:", "PCI-MSI", "32769-edge", "virtio0-req.0"],
        ["26:", "PCI-MSI", "49152-edge", "virtio1-config"], ["27:", "PCI-MSI", "49153-edge", "virtio1-req.0"],
    ]  # fmt: skip
    for cpus in (1, 2, 8):
        one = Box(Config(ram=64 * MIB, cpus=cpus))
        rows = [row.split(":")[1].split() for row in tree.show(one, "/proc/interrupts").splitlines()[1:]
                if "TLB" not in row]
        total = sum(sum(int(word) for word in row[:cpus] if word.isdigit()) for row in rows)
        stat = dict(line.split(" ", 1) for line in tree.show(one, "/proc/stat").splitlines())
        assert total == int(stat["intr"].split()[0])
        soft = [sum(map(int, row.split()[1:])) for row in tree.show(one, "/proc/softirqs").splitlines()[1:]]
        assert soft == [int(word) for word in stat["softirq"].split()[1:]]


def test_what_never_changes(box: Box) -> None:
    folder = REFERENCE / "captures/1024M-2cpu/s1"
    for name in ("devices", "tty/drivers"):
        assert tree.show(box, f"/proc/{name}") == (folder / name).read_text(), name
    recorded = (folder / "partitions").read_text().splitlines()
    ours = tree.show(box, "/proc/partitions").splitlines()
    assert ours[:-2] == recorded[:-2]
    assert [len(line) for line in recorded[-2:]] == [len(f"{1:4}  {0:7} {0:10} vda")] * 2
    assert [line.split()[3] for line in ours[-2:]] == ["vda", "vdb"]
    assert tree.show(box, "/proc/sysvipc/shm") == SHM
    assert tree.listdir(box, "/proc/tty") == ["drivers", "ldiscs", "driver", "ldisc"]
    assert "/proc/modules" not in tree.FILES and not tree.exists(box, "/proc/modules")
    wide = Box(Config(arch="x86_64", ram=GIB))
    assert tree.show(wide, "/proc/modules") == "" and "MCP:" in tree.show(wide, "/proc/interrupts")
    symbols = [line.split() for line in tree.show(wide, "/proc/kallsyms").splitlines()]
    assert symbols == sorted(symbols) and all(len(words[0]) == 16 for words in symbols)


def frames(box: Box, name: str, first: int, count: int) -> tuple[int, ...]:
    node = tree.lookup(box, f"/proc/{name}")
    assert not isinstance(node, Directory | Link) and node.pread is not None
    return struct.unpack(f"<{count}Q", node.pread(box, first * 8, count * 8))


def test_page_frames(box: Box) -> None:
    frame_count = box.memmap.frames
    flags, counts = frames(box, "kpageflags", 0, frame_count), frames(box, "kpagecount", 0, frame_count)
    assert counts == tuple(box.memmap.mapcount)
    assert sum(word >> 10 & 1 for word in flags) == sum(zone.nr_free for zone in box.pages.zones)
    slabs = int(re.findall(r"^Slab: *(\d+)", tree.show(box, "/proc/meminfo"), re.M)[0]) // 4
    assert sum(word >> 7 & 1 for word in flags) == slabs
    tables = int(re.findall(r"^PageTables: *(\d+)", tree.show(box, "/proc/meminfo"), re.M)[0]) // 4
    assert sum(word >> 26 & 1 for word in flags) == tables
    assert all((word >> 11 & 1) == (count > 0) for word, count in zip(flags, counts, strict=True) if not word >> 7 & 1)
    assert sum(word >> 24 & 1 for word in flags) == 1  # the zero page
    lru = sum(int(kb) for kb in re.findall(r"^(?:Active|Inactive|Unevictable): *(\d+)", tree.show(box, "/proc/meminfo"),
                                           re.M)) // 4  # fmt: skip
    assert sum(word >> 5 & 1 for word in flags) == lru
    for first, count in ((0, 1), (1000, 777), (frame_count - 3, 3)):
        assert frames(box, "kpageflags", first, count) == flags[first : first + count]
    node = tree.lookup(box, "/proc/kpageflags")
    assert not isinstance(node, Directory | Link) and node.pread is not None
    assert node.pread(box, frame_count * 8, 80) == b"" and len(node.pread(box, (frame_count - 1) * 8, 80)) == 8
    with pytest.raises(KernelError, match="Invalid argument"):
        node.pread(box, 4, 8)


def pressed(box: Box, keys: str) -> list[str]:
    before = box.log.total
    tree.store(box, "/proc/sysrq-trigger", keys)
    count = box.log.total - before
    return [record.text for record in list(box.log.records)[-count:]] if count else []


def test_keys() -> None:
    box = Box(Config(ram=64 * MIB))
    helped = pressed(box, "h\n")
    assert helped == pressed(box, "x") and helped[0].startswith("sysrq: HELP : loglevel(0-9) reboot(b) crash(c) ")
    assert helped[0].endswith("show-task-states(t) unmount(u) show-blocked-tasks(w) ")
    shown = pressed(box, "m")
    assert shown[:2] == ["sysrq: Show Memory", "Mem-Info:"] and "pages reserved" in shown[-1]
    assert pressed(box, "5x") == ["sysrq: Changing Loglevel", "sysrq: Loglevel set to 5"]
    assert tree.show(box, "/proc/sys/kernel/printk") == "5\t4\t1\t7\n"
    assert pressed(box, "s") == ["sysrq: Emergency Sync", "Emergency Sync complete"]
    assert pressed(box, "w") == ["sysrq: Show Blocked State"]
    assert len(pressed(box, "t")) == 1 + len(box.tasks)
    with pytest.raises(KernelError, match="Input/output error"):
        tree.show(box, "/proc/sysrq-trigger")


def test_a_person_asks_for_a_victim() -> None:
    from memsh.linux.kernel.fork import fork

    box = Box(Config(ram=64 * MIB))
    pid, child = box.current.pid, fork(box, box.current).child
    said = pressed(box, "f")
    assert said[0] == "sysrq: Manual OOM execution" and "Workqueue: events moom_callback" in said
    assert re.match(r"kworker/0:\d\S* invoked oom-killer: gfp_mask=0xcc0\(GFP_KERNEL\), order=-1,", said[1])
    assert said[-1].startswith(f"Out of memory: Killed process {pid} (a.out)")
    assert pid not in box.tasks and child.pid in box.tasks and box.current is box.init
    assert pressed(box, "e") == ["sysrq: Terminate All Tasks"]
    assert [task.comm for task in box.tasks.values() if not task.is_kthread] == ["init"]
    assert pressed(box, "f") == ["sysrq: Manual OOM execution", "sysrq: OOM request ignored. No task eligible"]
    assert pressed(box, "c")[1] == "Kernel panic - not syncing: sysrq triggered crash" and box.panicked


def test_tunables_beside_those_of_memory(box: Box) -> None:
    for path, text in (
        ("kernel/sem", "32000\t1024000000\t500\t32000\n"), ("kernel/shmmax", "4278190079\n"), ("kernel/arch", "i686\n"),
        ("kernel/core_pattern", "core\n"), ("fs/pipe-max-size", "1048576\n"), ("fs/mqueue/msg_max", "10\n"),
        ("kernel/usermodehelper/bset", "4294967295\t511\n"), ("fs/protected_hardlinks", "1\n"),
    ):  # fmt: skip
        assert tree.show(box, f"/proc/sys/{path}") == text
    names = next(row for row in tree.show(box, "/proc/slabinfo").splitlines() if row.startswith("dentry "))
    assert tree.show(box, "/proc/sys/fs/dentry-state").split()[0] == names.split()[1]
    assert tree.show(box, "/proc/sys/fs/dentry-state").split()[2:] == ["45", "0", "0", "0"]
    tree.store(box, "/proc/sys/kernel/sem", "1 2\n")
    assert tree.show(box, "/proc/sys/kernel/sem") == "1\t2\t500\t32000\n"
    tree.store(box, "/proc/sys/fs/file-max", "9000")
    assert tree.show(box, "/proc/sys/fs/file-nr").split()[2] == "9000"
    tree.store(box, "/proc/sys/kernel/printk_devkmsg", "on\n")
    for path, text, words in (
        ("kernel/printk_devkmsg", "maybe", "Invalid"), ("fs/protected_fifos", "3", "Invalid"),
        ("kernel/sem", "x", "Invalid"),
        ("kernel/arch", "x", "denied"), ("fs/file-nr", "1", "denied"), ("kernel/cap_last_cap", "1", "denied"),
    ):  # fmt: skip
        with pytest.raises(KernelError, match=words):
            tree.store(box, f"/proc/sys/{path}", text)
    assert tree.mode(box, "/proc/sys/kernel/cad_pid") == 0o600 and tree.mode(box, "/proc/sys/fs/file-nr") == 0o444
    assert tree.show(Box(Config(arch="x86_64", ram=GIB)), "/proc/sys/kernel/shmall") == "18446744073692774399\n"


def test_the_knobs_of_ksmd() -> None:
    box = Box(Config(ram=64 * MIB, arch="x86_64"))
    folder = "/sys/kernel/mm/ksm/"
    for name, text, kept in (
        ("run", "1", "1"), ("run", "3", None), ("pages_to_scan", "5", "5"), ("pages_to_scan", "99999999999", None),
        ("sleep_millisecs", "-1", None), ("merge_across_nodes", "2", None), ("max_page_sharing", "1", None),
        ("use_zero_pages", "on", "1"), ("use_zero_pages", "x", None),
    ):  # fmt: skip
        if kept is not None:
            tree.store(box, folder + name, text)
            assert tree.show(box, folder + name) == kept + "\n"
            continue
        before = tree.show(box, folder + name)
        with pytest.raises(KernelError, match="Invalid argument"):
            tree.store(box, folder + name, text)
        assert tree.show(box, folder + name) == before
    assert tree.show(box.copy(), folder + "run") == "1\n"


def test_how_much_is_mapped_around_a_fault() -> None:
    name, faults = "/sys/kernel/debug/fault_around_bytes", []
    for arch, most in (("i386", 4 << 20), ("x86_64", 2 << 20)):
        box = Box(Config(ram=64 * MIB, arch=arch))
        for text, kept in (("5", 4096), ("0x8001", 32768), (str(most), most)):
            tree.store(box, name, text)
            assert tree.show(box, name) == f"{kept}\n"
        for wrong in (str(most + 4096), "12x", "-1"):
            with pytest.raises(KernelError, match="Invalid argument"):
                tree.store(box, name, wrong)
    for size in (4096, 65536, MIB):
        box = Box(Config(ram=64 * MIB))
        tree.store(box, name, str(size))
        before = box.vmstat["pgfault"]
        do_execve(box, kernel_clone(box, box.current), "a.out-dyn", ["a.out-dyn"])
        faults.append(box.vmstat["pgfault"] - before)
    assert faults[0] > 2 * faults[1] > 2 * faults[2]


def test_generations_of_pages_as_debugfs_lists_them() -> None:
    box = Box(Config(ram=64 * MIB, arch="x86_64"))
    age = box.timer.usec // 4000 * 4
    rows = "".join(f"{seq:11d} {age:10d}          0           0 \n" for seq in range(4))
    assert tree.show(box, "/sys/kernel/debug/lru_gen") == f"memcg     1 /\n node     0\n{rows}"
    full = tree.show(box, "/sys/kernel/debug/lru_gen_full").splitlines()
    assert len(full) == 2 + 4 * 6
    assert full[3] == "                     0          0r          0e          0p          0r          0e          0p"
    assert full[-1] == "                                0L          0O          0Y          0N          0F          0A"


def test_where_a_dump_finds_what_it_needs_to_know() -> None:
    for arch, digits in (("i386", 8), ("x86_64", 16)):
        box = Box(Config(ram=64 * MIB, arch=arch))
        addr, size = tree.show(box, "/sys/kernel/vmcoreinfo").split()
        assert size == "1024" and len(addr) == 2 + digits
        assert box.memmap.kind[int(addr, 16) >> 12] == K_OTHER
