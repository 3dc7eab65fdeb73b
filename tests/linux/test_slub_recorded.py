"""SLUB: every recorded sequence of object allocations, object for object and list for list; every recorded geometry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from memsh.inspect.check import check
from memsh.linux.config import GIB, MIB, Config
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_DMA, GFP_KERNEL_ACCOUNT, GFP_NAMES, GFP_NOWAIT
from memsh.linux.mm.slab.api import (
    SLAB_ACCOUNT,
    SLAB_HWCACHE_ALIGN,
    SLAB_NOLEAKTRACE,
    SLAB_RECLAIM_ACCOUNT,
    SLAB_TYPESAFE_BY_RCU,
)
from memsh.linux.mm.slab.slub_types import Slab, SlubCache
from memsh.machines.box import Box
from memsh.machines.from_dump import from_recording
from memsh.procfs import slabinfo, tree
from tests.paths import REFERENCE64

CACHES = sorted((REFERENCE64 / "cache").glob("*.txt"))
KMALLOCS = sorted(REFERENCE64.glob("kmalloc-*.txt"))
LETTERS = {"h": SLAB_HWCACHE_ALIGN, "r": SLAB_RECLAIM_ACCOUNT, "t": SLAB_TYPESAFE_BY_RCU, "a": SLAB_ACCOUNT}
OF_SLAB = ("cpuslab", "cpupartial", "node", "nodepartial")
KINDS = {"NOWAIT": 0, "RECLAIMABLE": GFP_NAMES["__GFP_RECLAIMABLE"], "ACCOUNT": GFP_NAMES["__GFP_ACCOUNT"],
         "DMA": GFP_DMA}  # fmt: skip


def flags_of(letters: str) -> int:
    return sum(LETTERS.get(letter, 0) for letter in letters) | (0 if "m" in letters else SLAB_NOLEAKTRACE)


def recorded_box(lines: list[str]) -> Box:
    """A box that stands where the recorded machine stood before the sequence."""
    now = [f"now {line.removeprefix('before ')}\n" for line in lines if line.startswith("before ")]
    of_slab = [line for line in now if line.split()[1] in (*OF_SLAB, "cache")]
    texts = {"freelists.txt": "".join(line for line in now if line not in of_slab), "slabstate.txt": "".join(of_slab)}
    if "in a memory cgroup 1" in lines[0]:
        texts["self_cgroup"] = "0::/a\n"
    found = re.search(r"cpus (\d+)", lines[0])
    assert found
    return from_recording(Config(arch="x86_64", ram=512 * MIB, cpus=int(found[1])), texts)


def state(cache: SlubCache) -> list[str]:
    """What CPUs and nodes hold of a cache, in the words of the recordings."""
    lines = []

    def told(numbers: list[int]) -> str:
        return " ".join(map(str, numbers))

    def free(slab: Slab) -> str:
        return f"inuse {slab.inuse} objects {slab.objects} free {told(slab.chain(slab.freelist))}"

    for number, cpu in enumerate(cache.cpu_slab):
        slab = cpu.slab
        if slab is not None:
            counts = f"inuse {slab.inuse} objects {slab.objects} frozen {slab.frozen:d}"
            own, page = slab.chain(cpu.freelist), slab.chain(slab.freelist)
            lines.append(f"cpuslab {number} {slab.pfn:x} {counts} own {told(own)} page {told(page)}")
        lines += [f"cpupartial {number} {slab.pfn:x} slabs {slab.slabs} {free(slab)}" for slab in cpu.partials()]
    for nid, n in enumerate(cache.node):
        lines.append(f"node {nid} nr_partial {len(n.partial)} nr_slabs {n.nr_slabs} total_objects {n.total_objects}")
        lines += [f"nodepartial {nid} {slab.pfn:x} {free(slab)}" for slab in n.partial.values()]
    return [" ".join(line.split()) for line in lines]


class Replay:
    """One recorded sequence on a box; objects are known by serial."""

    def __init__(self, lines: list[str]) -> None:
        self.box = recorded_box(lines)
        self.held: dict[str, int] = {}
        self.order: list[str] = []  # as the recorder keeps them: the last one fills a gap
        self.expected: list[str] = []
        self.states = 0

    def add(self, serial: str, addr: int, real: str, line: str) -> None:
        assert addr == int(real, 16), f"{line}: ours {addr:x}"
        self.held[serial] = addr
        self.order.append(serial)

    def drop(self, serial: str) -> int:
        at = self.order.index(serial)
        self.order[at] = self.order[-1]
        self.order.pop()
        return self.held.pop(serial)

    def see(self, words: list[str], cache: SlubCache) -> None:
        """Collect the lines of a recorded state; compare when it is over."""
        if words[0] in ("after", "end", "shrunk") and len(words) > 1 and words[1] in OF_SLAB:
            self.expected.append(" ".join(words[1:]))
        elif self.expected:
            assert state(cache) == self.expected
            self.states += 1
            self.expected = []


@pytest.mark.parametrize("path", CACHES, ids=lambda path: path.stem)
def test_recorded_sequence(path: Path) -> None:
    lines = path.read_text().splitlines()
    replay = Replay(lines)
    slab = replay.box.slab
    cache = slab.find("ref")
    assert isinstance(cache, SlubCache)
    attributes = 0
    for line in lines:
        words = line.split()
        replay.see(words, cache)
        match words:
            case ["A", serial, real]:
                replay.add(serial, slab.kmem_cache_alloc(cache, GFP_NOWAIT), real, line)
            case ["F", serial]:
                slab.kmem_cache_free(cache, replay.drop(serial))
            case ["BA", count, *pairs]:
                addrs = slab.kmem_cache_alloc_bulk(cache, GFP_NOWAIT, int(count))
                for addr, pair in zip(addrs, pairs, strict=True):
                    replay.add(*(pair.split(":")[0], addr, pair.split(":")[1], line))
            case ["BF", _, *serials]:
                slab.kmem_cache_free_bulk(cache, [replay.held[serial] for serial in serials])
                for serial in serials:
                    replay.order.remove(serial)
                    del replay.held[serial]
            case ["S"]:
                slab.kmem_cache_shrink(cache)
            case ["live", count]:
                assert len(replay.held) == int(count)
            case ["after", "all", "freed:", *row]:
                ours = next(row for row in slabinfo.show(replay.box).splitlines() if row.startswith("ref "))
                assert ours.split() == row
            case ["sys:", name, *value]:
                name = name.removesuffix(":")
                if name != "ctor":  # the recorder's own function
                    assert tree.show(replay.box, f"/sys/kernel/slab/ref/{name}").split() == value, name
                    attributes += 1
    assert replay.states >= 2 and attributes >= 28
    assert check(replay.box) == []


@pytest.mark.parametrize("path", KMALLOCS, ids=lambda path: path.stem)
def test_recorded_kmalloc(path: Path) -> None:
    lines = path.read_text().splitlines()
    replay = Replay(lines)
    slab = replay.box.slab
    asked = 0
    for line in lines:
        match line.split():
            case ["A", serial, size, kind, real]:
                replay.add(serial, slab.kmalloc(int(size), GFP_NOWAIT | KINDS[kind]), real, line)
                asked += 1
            case ["F", serial]:
                slab.kfree(replay.drop(serial))
    assert asked > 500
    assert check(replay.box) == []


@pytest.mark.parametrize("cpus", [1, 2])
def test_geometry(cpus: int) -> None:
    box = Box(Config(arch="x86_64", cpus=cpus))
    for row in (REFERENCE64 / f"geometry-{cpus}cpu.tsv").read_text().splitlines():
        if row[0] == "#":
            continue
        size, letters, numbers, expected = row.split("\t")
        cache = box.slab.kmem_cache_create("ref", int(size), 0, flags_of(letters), "ctor" if "c" in letters else "")
        assert isinstance(cache, SlubCache)
        ours = {
            "object_size": cache.object_size, "size": cache.size, "align": cache.align, "inuse": cache.inuse,
            "offset": cache.offset, "order": cache.gfporder, "objects": cache.num, "min_order": cache.min_order,
            "min_objects": cache.min_num, "cpu_partial": cache.cpu_partial,
            "cpu_partial_slabs": cache.cpu_partial_slabs, "min_partial": cache.min_partial, "refcount": cache.refcount,
        }  # fmt: skip
        words = numbers.split()
        real = dict(zip(words[::2], words[1::2], strict=True))
        assert ours == {name: int(real[name]) for name in ours}, row
        assert f"{cache.allocflags:x}" == real["allocflags"]
        assert next(row for row in slabinfo.show(box).splitlines() if row.startswith("ref ")) == expected
        box.slab.kmem_cache_destroy("ref")
    assert check(box) == []


def test_merging() -> None:
    box = Box(Config(arch="x86_64", ram=512 * MIB))
    rows = (REFERENCE64 / "merging.txt").read_text().splitlines()
    compared = 0
    for row in rows:
        if row[0] == "#" or row.count("\t") < 4:
            continue
        name, size, letters, numbers, link = row.split("\t")[:5]
        ctor = "ctor" if "c" in letters else ""
        cache = box.slab.kmem_cache_create(name, int(size), 0, flags_of(letters + "m"), ctor)
        served, *_, refcount = numbers.split()
        assert (cache.name, cache.refcount) == (served, int(refcount)), row
        assert tree.readlink(box, f"/sys/kernel/slab/{name}") == (None if link == "Invalid argument" else link.strip())
        compared += 1
    assert compared == 16
    assert check(box) == []


def test_ksize() -> None:
    box = Box(Config(arch="x86_64", ram=512 * MIB))
    for row in (REFERENCE64 / "kmalloc.tsv").read_text().splitlines():
        if row[0] != "#":
            size, kind, usable = row.split("\t")
            addr = box.slab.kmalloc(int(size), GFP_NAMES[f"GFP_{kind}"])
            assert (box.slab.ksize(addr) if addr else 0) == int(usable), row
            box.slab.kfree(addr)
    assert check(box) == []


MACHINES = {
    "boot-512m-1cpu": Config(arch="x86_64", ram=512 * MIB), "boot-2g-1cpu": Config(arch="x86_64", ram=2 * GIB),
    "boot-8g-2cpu": Config(arch="x86_64", ram=8 * GIB, cpus=2),
    "boot-8g-4cpu-2nodes": Config(arch="x86_64", ram=8 * GIB, cpus=4, nodes=((4 * GIB, (0, 1)), (4 * GIB, (2, 3)))),
}  # fmt: skip


@pytest.mark.parametrize("machine", MACHINES)
def test_caches_of_a_booted_box(machine: str) -> None:
    """The recorded caches in the recorded order with their geometry; populations within one slab."""
    ours = [row.split() for row in slabinfo.show(Box(MACHINES[machine])).splitlines()[2:]]
    theirs = [row.split() for row in (REFERENCE64 / machine / "slabinfo").read_text().splitlines()[2:]]
    assert [row[0] for row in ours] == [row[0] for row in theirs]
    for our, their in zip(ours, theirs, strict=True):
        assert our[3:6] == their[3:6], our[0]
        assert abs(int(our[14]) - int(their[14])) <= 1, (our[0], our[14], their[14])


@pytest.mark.parametrize("machine", ["boot-512m-1cpu", "boot-8g-2cpu"])
def test_from_a_recording_the_rows_are_the_recorded_ones(machine: str) -> None:
    """All but the two caches of which memsh's own processes and disk need more than the recorded machine had."""
    texts = {name: (REFERENCE64 / machine / name).read_text() for name in ("freelists.txt", "slabinfo")}
    box = from_recording(MACHINES[machine], texts)
    differ = set(slabinfo.show(box).splitlines()) ^ set(texts["slabinfo"].splitlines())
    assert {line.split()[0] for line in differ} <= {"ext4_inode_cache", "vm_area_struct"}
    assert check(box) == []


def test_what_cpus_and_nodes_hold_is_taken_from_a_recording() -> None:
    """slabstate.txt decides: every slab that it names is where it was, with its objects free in the same order."""
    machine = "boot-512m-1cpu"
    folder = REFERENCE64 / machine
    texts = {name: (folder / name).read_text() for name in ("freelists.txt", "slabinfo", "slabstate.txt")}
    box = from_recording(MACHINES[machine], texts)
    told, name = 0, ""
    for line in texts["slabstate.txt"].splitlines():
        words = line.split()
        if words[1] == "cache":
            name = words[2]
        elif words[1] != "node":
            cache = box.slab.find(name)
            assert isinstance(cache, SlubCache)
            assert " ".join(words[1:]) in state(cache)
            told += 1
    assert told > 100
    assert check(box) == []


@pytest.mark.parametrize(("line", "words"), [
    ("now cpuslab 0 xyz inuse 1", "line 2 makes no sense"), ("now cpuslab 0 3cd7", "line 2 makes no sense"),
    ("now cpuslab 3 3cd8 inuse 32 objects 32 frozen 1 own 1 page", "a CPU or node that this machine does not have"),
    ("now cpuslab 0 3cd8 inuse 32 objects 32 frozen 1 own 99 page", "no slab like that in frame 0x3cd8"),
    ("now cpuslab 0 7fffffff inuse 32 objects 32 frozen 1 own 1 page", "frame 0x7fffffff is free"),
])  # fmt: skip
def test_a_slabstate_that_is_none_is_refused(line: str, words: str) -> None:
    first = next(row for row in (REFERENCE64 / "kmalloc-1.txt").read_text().splitlines() if "cache kmalloc-128 " in row)
    texts = {"freelists.txt": (REFERENCE64 / "boot-512m-1cpu" / "freelists.txt").read_text(),
             "slabstate.txt": f"now {first.removeprefix('before ')}\n{line}\n"}  # fmt: skip
    with pytest.raises(ValueError, match=words):
        from_recording(MACHINES["boot-512m-1cpu"], texts)


def test_an_object_freed_twice_is_handed_out_for_ever() -> None:
    box = Box(Config(arch="x86_64", ram=512 * MIB))
    slab = box.slab
    addr = slab.kmalloc(100)
    slab.kfree(addr)
    slab.kfree(addr)
    assert any(f"{addr:#x} is free twice" in line for line in check(box))
    assert [slab.kmalloc(100) for _ in range(5)] == [addr] * 5
    slab.kmem_cache_shrink(slab.find("kmalloc-128"))
    assert all(slab.kmalloc(100) for _ in range(100))


def test_nothing_is_tuned() -> None:
    box = Box(Config(arch="x86_64", ram=512 * MIB))
    with pytest.raises(KernelError, match="Input/output error"):
        tree.store(box, "/proc/slabinfo", "dentry 1 2 3\n")
    for name, text, words in (
        ("order", "1", "Permission denied"), ("shrink", "0", "Invalid argument"), ("cpu_partial", "x", "Invalid"),
        ("min_partial", "-1", "Invalid"), ("remote_node_defrag_ratio", "101", "result out of range"),
        ("cpu_partial", "4294967296", "result out of range"), ("validate", "1", "Invalid argument"),
    ):  # fmt: skip
        with pytest.raises(KernelError, match=words):
            tree.store(box, f"/sys/kernel/slab/dentry/{name}", text)
    tree.store(box, "/sys/kernel/slab/dentry/cpu_partial", "30\n")
    assert tree.show(box, "/sys/kernel/slab/dentry/cpu_partial") == "30\n"
    assert tree.show(box, "/sys/kernel/slab/dentry/cpu_slabs") == "0\n"


@pytest.mark.parametrize(("option", "name", "target"), [("", "dio", ":0000640"), ("slab_nomerge", "dio", None),
                                                        ("slub_nomerge", "buffer_head", None)])  # fmt: skip
def test_nomerge(option: str, name: str, target: str | None) -> None:
    box = Box(Config(arch="x86_64", ram=512 * MIB, cmdline=f"norandmaps {option}"))
    assert tree.readlink(box, f"/sys/kernel/slab/{name}") == target
    assert check(box) == []


def test_options_of_the_command_line_shape_slabs() -> None:
    box = Box(Config(arch="x86_64", ram=512 * MIB, cmdline="slub_min_order=2 slub_max_order=4 slub_min_objects=64"))
    line = "SLUB: HWalign=64, Order=2-4, MinObjects=64, CPUs=1, Nodes=1"
    assert any(record.text == line for record in box.log.records)
    assert box.slab.find("kmalloc-64").gfporder == 2
    assert box.slab.find("kmalloc-1k").gfporder == 4
    assert check(box) == []


def test_kernel_memory_is_charged_to_whoever_is_in_a_cgroup() -> None:
    lines = (REFERENCE64 / "kmalloc-cgroup.txt").read_text().splitlines()
    box = recorded_box(lines)
    addr = box.slab.kmalloc(100, GFP_KERNEL_ACCOUNT)
    memcg = box.memcg.paying
    assert memcg is not None and memcg.cgroup.path == "/a" and memcg.stat["slab_unreclaimable"] == 128 + 8
    box.slab.kfree(addr)
    assert memcg.stat["slab_unreclaimable"] == 0


def test_slabs_that_others_may_still_read_wait_for_the_clock() -> None:
    """With SLAB_TYPESAFE_BY_RCU the pages of an empty slab come back after a grace period, not before."""
    box = Box(Config(arch="x86_64", ram=512 * MIB))
    slab = box.slab
    cache = slab.kmem_cache_create("teapot", 1000, 0, SLAB_TYPESAFE_BY_RCU)
    held = [slab.kmem_cache_alloc(cache) for _ in range(10 * cache.num)]
    taken = box.vmstat["nr_slab_unreclaimable"]
    for addr in held:
        slab.kmem_cache_free(cache, addr)
    slab.kmem_cache_shrink(cache)
    assert slab.slabinfo(cache).num_slabs == 0
    assert box.vmstat["nr_slab_unreclaimable"] == taken
    assert check(box) == []
    assert check(box.copy()) == []
    box.timer.advance(1_000_000)
    assert box.vmstat["nr_slab_unreclaimable"] < taken
    assert check(box) == []


def test_from_a_recording_ksmd_and_khugepaged_are_there() -> None:
    folder = REFERENCE64 / "boot-512m-1cpu"
    box = from_recording(MACHINES[folder.name], {"freelists.txt": (folder / "freelists.txt").read_text()})
    assert tree.show(box, "/sys/kernel/mm/transparent_hugepage/khugepaged/pages_to_scan") == "4096\n"
    assert tree.show(box, "/sys/kernel/mm/ksm/pages_to_scan") == "100\n"
