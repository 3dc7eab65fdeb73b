"""The lists of /sys: their language, and names, modes, links and texts that the recorded machines have."""

from __future__ import annotations

import pytest

from memsh.linux.config import MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.machines.box import Box
from memsh.procfs import tree
from memsh.procfs.listing import Entry, Folder, read
from memsh.procfs.node import Directory, Link, ProcFile
from tests.observing import calls

LIST = """
@power
 control 644 = auto
 delay 644 ! EIO
.
 bus/
devices/ram{0-2}
 bdi -> ../../bdi/1:{}
 seq = {+17}
 power/ @power
devices/ram{0-2}/mq
 cpu{cpu:02x}/ 700
devices/cpu{cpu}
 bind 200
 empty =
 line = \\n
 mode = normal\\c
 raw = \\x{banks}A\\xff\\c
 scheduler = {one:[deadline]}{more:[none]} x\\x20
 mask = {cpumask}
"""


@pytest.fixture(scope="module")
def box() -> Box:
    return Box(Config(ram=64 * MIB, cpus=2))


@pytest.fixture(scope="module")
def wide() -> Box:
    return Box(Config(arch="x86_64", ram=512 * MIB, cpus=2))


def _node(box: Box, root: Folder, path: str) -> ProcFile | Link | Folder:
    found: Entry | Folder = root
    bound: dict[str, int] = {}
    for name in path.split("/"):
        assert isinstance(found, Folder)
        step = found.find(box, name, bound)
        assert step is not None, path
        found, bound = step[0], dict(step[1])
    return found if isinstance(found, Folder) else found.node(path.rsplit("/", 1)[-1], bound)


def test_the_language(box: Box) -> None:
    root = read([LIST])
    ram = _node(box, root, "devices/ram2")
    assert isinstance(ram, Folder) and sorted(ram.names(box, {"": 2})) == ["bdi", "mq", "power", "seq"]
    assert sorted(_names(box, root, "devices")) == ["cpu0", "cpu1", "ram0", "ram1", "ram2"]
    link = _node(box, root, "devices/ram2/bdi")
    assert isinstance(link, Link) and link.target(box) == "../../bdi/1:2"
    assert sorted(_names(box, root, "devices/ram1/mq")) == ["cpu00", "cpu01"]
    assert _show(box, root, "devices/ram2/seq") == "19\n"
    texts = {"empty": "", "line": "\n", "mode": "normal", "scheduler": "[none] x \n", "mask": "3\n"}
    for name, text in texts.items():
        assert _show(box, root, f"devices/cpu1/{name}") == text, name
    assert _show(box, root, "devices/cpu0/raw").encode("utf-8", "surrogateescape") == b"\x08A\xff"
    control = _node(box, root, "devices/ram0/power/control")
    assert isinstance(control, ProcFile) and control.mode == 0o644 and control.store is not None
    bind = _node(box, root, "devices/cpu0/bind")
    assert isinstance(bind, ProcFile) and bind.show is None and bind.mode == 0o200
    with pytest.raises(KernelError, match="Input/output error"):
        _show(box, root, "devices/ram0/power/delay")
    devices = root.within["devices"]
    for name in ("ram3", "ram02", "cpu2", "cpu01", "cpu", "ram"):
        assert devices.find(box, name, {}) is None, name


def _names(box: Box, root: Folder, path: str) -> list[str]:
    found = _node(box, root, path)
    assert isinstance(found, Folder)
    return list(found.names(box, {"": 1}))


def _show(box: Box, root: Folder, path: str) -> str:
    found = _node(box, root, path)
    assert isinstance(found, ProcFile) and found.show is not None
    return found.show(box)


# (path below /sys, mode, link or text): both machines with two CPUs, i386 with 64M and x86_64 with 512M
BOTH = (
    ("class/net/lo/mtu", 0o644, "65536\n"), ("class/tty/tty7", 0o777, "../../devices/virtual/tty/tty7"),
    ("devices/virtual/tty/tty7/dev", 0o444, "4:7\n"), ("dev/char/4:7", 0o777, "../../devices/virtual/tty/tty7"),
    ("devices/virtual/block/loop3/mq/0/cpu_list", 0o444, "0, 1\n"),
    ("devices/virtual/block/loop3/uevent", 0o644, "MAJOR=7\nMINOR=3\nDEVNAME=loop3\nDEVTYPE=disk\nDISKSEQ=20\n"),
    ("devices/pci0000:00/0000:00:02.0/vendor", 0o444, "0x1af4\n"),
    ("devices/pci0000:00/0000:00:03.0/msi_irqs/28", 0o444, "msix\n"),
    ("devices/pci0000:00/0000:00:03.0/local_cpus", 0o444, "3\n"),
    ("devices/pci0000:00/0000:00:01.0/power/autosuspend_delay_ms", 0o644, None),
    ("bus/pci/rescan", 0o200, None), ("bus/cpu/devices/cpu1", 0o777, "../../../devices/system/cpu/cpu1"),
    ("devices/system/cpu/cpu1/online", 0o644, "1\n"), ("devices/system/cpu/cpu0/hotplug/target", 0o644, "0\n"),
    ("devices/system/cpu/cpu1/hotplug/target", 0o644, "236\n"),
    ("bus/acpi/devices/LNXCPU:01", 0o777, "../../../devices/LNXSYSTM:00/LNXSYBUS:00/ACPI0010:00/LNXCPU:01"),
    ("module/kernel/parameters/panic_on_warn", 0o644, "0\n"), ("module/tcp_cubic/version", 0o444, "2.3\n"),
    ("firmware/memmap/0/end", 0o444, "0x9fbff\n"), ("power/mem_sleep", 0o644, "s2idle [deep]\n"),
    ("kernel/irq/12/actions", 0o444, "i8042\n"), ("kernel/irq/25/hwirq", 0o444, "32769\n"),
    ("kernel/irq/2/chip_name", 0o444, "XT-PIC\n"), ("kernel/irq/1/per_cpu_count", 0o444, "9,0\n"),
    ("devices/virtual/workqueue/writeback/pool_ids", 0o444, "0:4\n"),
    ("devices/system/clocksource/clocksource0/unbind_clocksource", 0o200, None),
    ("kernel/debug/block/loop1/hctx0/cpu1/read_rq_list", 0o400, ""), ("kernel/debug/clear_warn_once", 0o200, None),
    ("kernel/debug/block/vda/hctx1/flags", 0o400, "alloc_policy=FIFO SHOULD_MERGE\n"),
    ("fs/ext4/vdb/reserved_clusters", 0o644, "4096\n"), ("fs/ext4/vdb/trigger_fs_error", 0o200, None),
)  # fmt: skip
OWN = {
    "i386": (
        ("kernel/uevent_seqnum", 0o444, "530\n"), ("class/rtc/rtc0/dev", 0o444, "254:0\n"),
        ("devices/system/cpu/vulnerabilities/meltdown", 0o444, "Vulnerable\n"),
        ("devices/system/clocksource/clocksource0/available_clocksource", 0o444, "tsc acpi_pm \n"),
        ("fs/ext4/vdb/msg_ratelimit_interval_ms", 0o644, "5000\n"),
        ("devices/system/clocksource/clocksource0/current_clocksource", 0o644, "tsc\n"),
    ),
    "x86_64": (
        ("kernel/uevent_seqnum", 0o444, "548\n"), ("class/rtc/rtc0/dev", 0o444, "253:0\n"),
        ("devices/system/cpu/cpu1/crash_notes", 0o400, "1f329c00\n"),
        ("devices/system/cpu/cpu1/crash_notes_size", 0o400, "368\n"), ("power/reserved_size", 0o644, "1048576\n"),
        ("devices/system/cpu/vulnerabilities/meltdown", 0o444, "Not affected\n"),
        ("devices/system/clocksource/clocksource0/available_clocksource", 0o444, "hpet acpi_pm \n"),
        ("fs/ext4/vdb/msg_ratelimit_interval_ms", 0o644, "1250\n"),
        ("kernel/debug/sched/latency_ns", 0o644, "12000000\n"),
        ("devices/system/clocksource/clocksource0/current_clocksource", 0o644, "hpet\n"),
        ("bus/memory/devices/memory3", 0o777, "../../../devices/system/memory/memory3"),
        ("devices/system/machinecheck/machinecheck1/bank4", 0o644, "fffffffffffffbff\n"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_recorded_names(box: Box, wide: Box, arch: str) -> None:
    here = box if arch == "i386" else wide
    for path, mode, text in (*BOTH, *OWN[arch]):
        node = tree.lookup(here, f"/sys/{path}", False)
        assert node.mode == mode, path
        if isinstance(node, Link):
            assert node.target(here) == text and tree.exists(here, f"/sys/{path}"), path
        elif text is not None:
            assert tree.show(here, f"/sys/{path}") == text, path
        else:
            with pytest.raises(KernelError):
                tree.show(here, f"/sys/{path}")
    for path in ("bus/memory", "devices/system/node", "devices/system/memory", "kernel/security"):
        assert tree.exists(here, f"/sys/{path}") == (arch == "x86_64"), path


def test_a_disk_with_one_queue_has_a_scheduler(box: Box) -> None:
    alone = Box(Config(ram=64 * MIB))
    for path in ("block/vda/queue/iosched/read_expire", "kernel/debug/block/vda/sched/async_depth"):
        assert tree.exists(alone, f"/sys/{path}") and not tree.exists(box, f"/sys/{path}"), path
    assert "sched" in tree.listdir(alone, "/sys/kernel/debug/block/vda")
    assert "" not in tree.listdir(box, "/sys/kernel/debug/block/vda")
    shown = tree.show(alone, "/sys/kernel/debug/bdi/1:3/stats")
    kb = {line.split(":")[0]: line.split()[1] for line in shown.splitlines()}
    limits = dict(line.split() for line in tree.show(alone, "/proc/vmstat").splitlines())
    assert int(kb["DirtyThresh"]) == 4 * int(limits["nr_dirty_threshold"])
    assert int(kb["BackgroundThresh"]) == 4 * int(limits["nr_dirty_background_threshold"])


@pytest.mark.parametrize(("nodes", "takers"), [
    (((512, (0, 1)), (512, (2, 3))), [2, 3, 0, 1]), (((512, (0,)), (512, (1, 2))), [0, 1, 2]),
    (((512, (0, 1)), (512, (2, 3)), (512, (4, 5))), [2, 3, 4, 5, 0, 1]),
])  # fmt: skip
def test_whose_cpu_takes_a_queue(nodes: tuple[tuple[int, tuple[int, ...]], ...], takers: list[int]) -> None:
    """As the kernels with these nodes have it: their own sort leaves equal nodes in another order."""
    sizes = tuple((size * MIB, cpus) for size, cpus in nodes)
    here = Box(Config(arch="x86_64", ram=512 * MIB * len(nodes), cpus=len(takers), nodes=sizes))
    for queue, cpu in enumerate(takers):
        assert tree.show(here, f"/sys/block/vdb/mq/{queue}/cpu_list") == f"{cpu}\n"
        assert f"cpu{cpu}" in tree.listdir(here, f"/sys/block/vda/mq/{queue}")
        assert f"cpu{cpu}" in tree.listdir(here, f"/sys/kernel/debug/block/vda/hctx{queue}")
        irq = f"/proc/irq/{25 + queue}/"
        assert [tree.show(here, irq + name) for name in ("smp_affinity_list", "effective_affinity_list")] == [
            f"{cpu}\n", f"{cpu}\n",
        ]  # fmt: skip
        with pytest.raises(KernelError, match="Input/output error"):
            tree.store(here, irq + "smp_affinity", "1")
    rows = tree.show(here, "/proc/interrupts").splitlines()
    row = next(line for line in rows if f"virtio1-req.{takers.index(0)}" in line)
    assert sum(map(int, row.split()[2 : 1 + len(takers)])) == 0  # but for CPU 0


@pytest.mark.parametrize(("arch", "near", "uevents"), [("i386", "0-3", 540), ("x86_64", "0-1", 558)])
def test_cpus_that_do_not_run(arch: str, near: str, uevents: int) -> None:
    """maxcpus=2 of four, as the recorded kernels have it."""
    here = Box(Config(arch=arch, ram=512 * MIB, cpus=4, cmdline="maxcpus=2"))

    def show(path: str) -> str:
        return tree.show(here, f"/sys/{path}").rstrip()

    cpu = "devices/system/cpu/cpu3"
    assert set(tree.listdir(here, f"/sys/{cpu}")) - {"node0", "crash_notes", "crash_notes_size"} == {
        "driver", "firmware_node", "hotplug", "online", "power", "subsystem", "uevent",
    }  # fmt: skip
    assert [show(f"{cpu}/{name}") for name in ("online", "hotplug/state", "hotplug/target")] == ["0", "0", "0"]
    assert len(tree.listdir(here, "/sys/class/msr")) == 2 and len(tree.listdir(here, "/sys/bus/cpu/devices")) == 4
    assert show("devices/virtual/block/loop0/mq/0/cpu_list") == "0, 1, 2, 3"
    assert show("devices/pci0000:00/0000:00:01.0/local_cpulist") == near
    assert show("devices/virtual/workqueue/writeback/pool_ids") == "0:8"
    assert show("kernel/irq/1/per_cpu_count") == "9,0,0,0"
    assert show("kernel/uevent_seqnum") == str(uevents)


def test_what_lies_beyond_4_gib(wide: Box) -> None:
    large = Box(Config(arch="x86_64", ram=5120 * MIB, cpus=2))
    bounce = "/sys/kernel/debug/swiotlb"
    assert tree.listdir(wide, bounce) == [] and tree.listdir(large, bounce) == ["io_tlb_nslabs", "io_tlb_used"]
    assert tree.show(large, "/sys/devices/system/cpu/cpu1/crash_notes") == "17ad29e00\n"  # as recorded
    assert tree.show(wide, "/sys/kernel/debug/x86/pat_memtype_list").splitlines()[1:4] == [
        "PAT: [mem 0x000000001ffe0000-0x000000001ffe2000] write-back",
        "PAT: [mem 0x000000001ffe1000-0x000000001ffe2000] write-back",
        "PAT: [mem 0x00000000febf4000-0x00000000febf5000] uncached-minus",
    ]


def test_every_link_leads_somewhere(box: Box, wide: Box) -> None:
    for here in (box, wide):
        wrong: list[str] = []
        waiting = ["/sys"]
        while waiting:
            path = waiting.pop()
            node = tree.lookup(here, path, False)
            if isinstance(node, Directory):
                waiting += [f"{path}/{name}" for name in node.listing(here) if path != "/sys/kernel/slab"]
            elif isinstance(node, Link) and not tree.exists(here, path):
                wrong.append(path)
        assert wrong == []


def test_what_is_written(box: Box) -> None:
    tree.store(box, "/sys/class/tty/tty7/uevent", "change\n")
    for path, text, code in (
        ("class/tty/tty7/uevent", "boo", "EINVAL"), ("class/tty/tty7/dev", "1", "EACCES"),
        ("bus/pci/drivers/virtio-pci/bind", "x", "ENODEV"), ("module/brd/parameters/rd_nr", "1", "EACCES"),
        ("class/tty/tty7/power/autosuspend_delay_ms", "1", "EIO"), ("class/nothing", "1", "ENOENT"),
    ):  # fmt: skip
        with pytest.raises(KernelError) as caught:
            tree.store(box, f"/sys/{path}", text)
        assert caught.value.code == code, path


def test_parameters_of_modules() -> None:
    """As both recorded kernels answered."""
    here = Box(Config(ram=64 * MIB, cmdline="panic=7 printk.time=0 rcutree.blimit=20 tcp_cubic.beta=x"))

    def show(path: str) -> str:
        return tree.show(here, f"/sys/module/{path}").rstrip()

    def store(path: str, text: str) -> None:
        tree.store(here, f"/sys/module/{path}", text)

    assert [show(path) for path in (
        "kernel/parameters/panic", "printk/parameters/time", "rcutree/parameters/blimit", "tcp_cubic/parameters/beta",
    )] == ["7", "N", "20", "717"]  # fmt: skip
    store("kernel/parameters/panic", "5\n")
    store("kernel/parameters/panic_on_warn", "1\n")
    assert tree.show(here, "/proc/sys/kernel/panic") == "5\n" and show("kernel/parameters/panic_on_warn") == "1"
    store("vt/parameters/color", "07\n")
    assert show("vt/parameters/color") == "7"
    store("printk/parameters/time", "on\n")
    assert show("printk/parameters/time") == "Y"
    for path, text in (("kernel/parameters/panic", "abc"), ("printk/parameters/time", "maybe"),
                       ("vt/parameters/color", "9" * 20), ("vt/parameters/default_red", "x")):  # fmt: skip
        with pytest.raises(KernelError):
            store(path, text)


def test_a_list_is_read_once_and_its_folders_when_asked_for(box: Box) -> None:
    tree.exists(box, "/sys/class/tty/tty7")
    assert calls(lambda: tree.exists(box, "/sys/class/tty/tty7")) < 400  # thousands, were it read again
    root = read([LIST])
    assert root.find(box, "bus", {}) is not None and root.within["devices"]._entries is None
