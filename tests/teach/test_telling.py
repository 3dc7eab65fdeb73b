"""explain, where, trace, compare, expect."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import pytest

from memsh.cli import open_session
from memsh.inspect import check
from memsh.linux.arch.x86.i386.arch import I386
from memsh.linux.include.trace import CALLED, FIELDS
from memsh.linux.lib.gfptext import gfp_text
from memsh.procfs import tracing, tree
from memsh.procfs.trace_format import event_text
from memsh.shell.session import Session
from memsh.teach.functions import FUNCTIONS
from memsh.teach.recorder import Recorder


def session() -> tuple[Session, io.StringIO]:
    out = io.StringIO()
    return open_session([], out, out), out


def said(line: str) -> str:
    made, out = session()
    made.run(line)
    return out.getvalue()


def test_what_is_emitted_is_in_the_table_and_has_its_fields() -> None:
    made, _ = session()
    made.run(
        "trace on; fork; wait; for i in 1 2 3; do k=$(kmalloc 5000); done; kfree $k; alloc_pages 4; p=$(malloc 900k);"
        "touch $p 100k; free $p; x=$(alloc_pages 3); free_pages $x 3; drain_all_pages; run a.out; _exit; plain on;"
        "alloc_pages 0 GFP_HIGHUSER_MOVABLE; for i in $(seq 300); do alloc_pages 10 GFP_HIGHUSER_MOVABLE; done"
    )
    records = list(made.box.trace.ring)
    names = {record[0] for record in records}
    assert names <= set(FIELDS)
    assert names >= {"mm_page_alloc", "mm_page_free", "kmalloc", "kfree", "kmem_cache_alloc", "kmem_cache_free",
                     "page_fault_user", "mm_page_alloc_zone_locked", "mm_page_pcpu_drain"}  # fmt: skip
    assert all(len(record) == 1 + len(FIELDS[record[0]]) for record in records)
    text = tree.show(made.box, "/sys/kernel/tracing/trace")
    assert text.count("\n") == len(records) + tracing.HEAD.count("\n")


def test_trace_changes_nothing_but_the_ring() -> None:
    texts = []
    for first in ("true", "trace on"):
        made, _ = session()
        made.run(f"{first}\np=$(malloc 3M)\ntouch $p 3M\nfork\ntouch $p 40k\nfree $p\nrun a.out")
        assert check.check(made.box) == []
        names = ("buddyinfo", "slabinfo", "meminfo", "vmstat", "self/smaps")
        texts.append([tree.show(made.box, f"/proc/{name}") for name in names])
    assert texts[0] == texts[1]


def test_the_kernels_own_words() -> None:
    assert event_text(I386, ("mm_page_pcpu_drain", 0x1F30, 3, 1)).endswith("pfn=0x1f30 order=3 migratetype=1")
    assert gfp_text(0x100CCA) == "GFP_HIGHUSER_MOVABLE"
    assert gfp_text(0xDC0) == "GFP_KERNEL|__GFP_ZERO"
    assert gfp_text(0) == "none"


def test_explain_tells_of_the_split_and_does_it() -> None:
    made, out = session()
    made.run("plain on")
    for _ in range(12):
        out.truncate(0)
        out.seek(0)
        made.run("explain alloc_pages 5")
        if "is split" in out.getvalue():
            break
    text = out.getvalue()
    assert "is split, its upper half goes to order 5" in text or "is split, the upper halves go to orders" in text
    assert "# zone Normal: " in text and "reserve 0: it may give" in text
    assert "get_page_from_freelist() {  /* mm/page_alloc.c */" in text
    assert "mm_page_alloc: page=" in text
    assert text.count("{  /*") == sum(line.strip() == "}" for line in text.splitlines())
    assert made.box.trace.on is False and not made.box.trace.ring


def test_explain_n_changes_nothing() -> None:
    made, out = session()
    before = tree.show(made.box, "/proc/vmstat")
    made.run("explain -n alloc_pages 4")
    assert tree.show(made.box, "/proc/vmstat") == before and made.values == []
    assert "buddyinfo Normal: " in out.getvalue()


def test_explain_without_a_command_tells_the_last() -> None:
    made, out = session()
    assert made.run("explain") == 1
    made.run("alloc_pages 6")
    after = tree.show(made.box, "/proc/buddyinfo")
    made.run("explain -b")
    assert '"alloc_pages 6"' in out.getvalue() and "block" in out.getvalue()
    assert tree.show(made.box, "/proc/buddyinfo") == after
    made.run("explain -b")  # what was told again changed nothing here: it is still the same command
    assert out.getvalue().count('"alloc_pages 6"') == 2


def test_explain_is_quick_and_cuts(monkeypatch: pytest.MonkeyPatch) -> None:
    made, out = session()
    seen = 0
    profile = Recorder.profile

    def counted(self: Recorder) -> Callable[[FrameType, str, object], None]:
        watching = profile(self)

        def profiled(frame: FrameType, event: str, value: object) -> None:
            nonlocal seen
            seen += 1
            watching(frame, event, value)

        return profiled

    monkeypatch.setattr(Recorder, "profile", counted)
    made.run("explain fork")
    assert 1_000 < seen < 20_000  # calls and returns that it has to look at
    made.run("explain 'for i in $(seq 400); do vmalloc 40k; done'")
    assert "(cut: " in out.getvalue()


@pytest.mark.parametrize("name", ["rmqueue", "__rmqueue", "malloc", "kmalloc", "handle_mm_fault()"])
def test_where(name: str) -> None:
    assert ".c\n    " in said(f"where '{name}'")


def test_where_unknown() -> None:
    assert "did you mean rmqueue?" in said("where rmqueu")
    assert len(FUNCTIONS) > 100


def test_compare_undoes_both() -> None:
    made, out = session()
    before = tree.show(made.box, "/proc/vmstat")
    assert made.run("compare 'kmalloc 64k' 'vmalloc 64k'") == 0
    assert tree.show(made.box, "/proc/vmstat") == before and made.values == []
    assert all(len(line) <= 80 for line in out.getvalue().splitlines())


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("expect buddy.Normal.10 == 212", 0), ("expect buddy.Normal.10 == 1", 1), ("expect 4k == 4096", 0),
        ("p=$(malloc 200k); expect minflt of 'touch $p 32k' == 8", 0), ("expect status of false == 1", 0),
        ("snapshot A; expect unchanged /proc/buddyinfo since A", 0), ("expect slab.kmalloc-64.slabs '>' 0", 0),
        ("snapshot A; alloc_pages 5; expect unchanged /proc/buddyinfo since A", 1), ("expect nonsense", 2),
        ("expect nonsense == 3", 2), ("expect buddy.Nowhere.1 == 3", 2), ("expect meminfo.MemFree '>' 4k", 0),
        ("expect unchanged /proc/buddyinfo since Z", 2), ("expect", 2), ("expect 1", 2), ("expect 1 == 2 == 3", 2),
        ("expect unchanged /proc/nothing since A", 2), ("expect slab.none.slabs == 0", 2),
        ("expect zone.DMA.x == 1", 2),
        ("expect slab.dentry.color == 1", 2), ("expect smaps.9.Pss == 1", 2), ("expect buddy.Normal.11 == 1", 2),
        ("expect '(' in /proc/self/maps", 2), ("expect self.x == 1", 2), ("expect value of true == 1", 2),
        ("expect smaps.Pss as 99999 == 1", 2), ("expect 'minflt of' == 1", 2), ("expect '$(' == 1", 2),
        ("expect zone.DMA.managed == 3840", 0), ("expect zoneinfo.Normal.low '>' zone.Normal.min", 0),
        ("expect vmstat.pgfault '>' 0", 0), ("expect slab.dentry.full '>=' 1 ", 0), ("expect 0x10+4k == 4112", 0),
        ("expect smaps.Rss == status.VmRSS", 0), ("expect value of 'order 100k' == 5", 0), ("expect -1 '<' 0", 0),
        ("p=$(malloc 1M); touch $p 40k; expect smaps.$p.Rss == 44", 0), ("expect not 1 == 2", 0),
        ("expect not 1 == 1", 1), ("f=$(fork); expect smaps.Pss as $f '<' 1000", 0),
        ("expect '\\[heap\\]' in /proc/self/maps", 0),
        ("snapshot A; alloc_pages 5; expect changed /proc/buddyinfo since A", 0), ("expect lines of 'zones' '>' 3", 0),
        ("alloc_page\nexpect status of undo == 0\nundo", 0), ("expect 'buddy.Normal.10 > 3'", 0),
        ("expect slab.kmalloc-64.waiting '<=' slab.kmalloc-64.limit", 0),
        ("snapshot A; expect changed /proc/vmstat since A", 1),
        ("expect \"value of 'order 100k > /dev/null; order 4k' < 1\"", 0),
        ("snapshot A; plain on; alloc_page; expect zone.Normal.free since A != 0", 0), ("expect 1 since A == 0", 2),
        ("snapshot A; f=$(fork); expect processes at A == $(($(ls /proc | grep -c ^[0-9]) - 1))", 0),
    ],
)  # fmt: skip
def test_expect(line: str, status: int) -> None:
    made, _ = session()
    assert made.run(line) == status


def test_expect_says_what_was_found() -> None:
    assert said("expect buddy.Normal.10 == 1") == "expected buddy.Normal.10 == 1; found 212\n"


def test_every_function_of_the_tables_is_one_of_this_kernel() -> None:
    import ast

    import memsh
    from memsh.teach.sentences import AFTER, BEFORE

    known, rooms = set(), set()
    for room in ("kernel", "libc"):
        for path in (Path(memsh.__file__).parent / room).glob("*.py"):
            rooms.add(path.stem)
            tree_of = ast.parse(path.read_text(encoding="utf-8"))
            known |= {f"{path.stem}.{node.name}" for node in ast.walk(tree_of) if isinstance(node, ast.FunctionDef)}
    assert not {key for key in set(FUNCTIONS) - known if key.partition(".")[0] in rooms}
    assert not (set(BEFORE) | set(AFTER)) - set(FUNCTIONS)


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("explain -b alloc_page", "of Normal, order 0: the free lists stay as they are"),
        ("drain_all_pages; explain -b alloc_page", "is empty: a batch of"),
        ("drain_all_pages; explain -b alloc_page", "this CPU's list, just filled from the free lists, gives frame"),
        ("plain on; explain -b alloc_page", "the buddy system gives frame"),
        ("explain -b alloc_pages 6", "the buddy system gives frame 0x"),
        ("f=$(alloc_page); explain -b free_pages $f", "waits on this CPU's list of Normal"),
        ("for i in $(seq 250); do x=$(alloc_pages 10); done; explain -b alloc_pages 10 __GFP_NOWARN",
         "the slow path, down to the min watermark"),
        ("for i in $(seq 250); do x=$(alloc_pages 10); done; explain -b alloc_pages 10 __GFP_NOWARN",
         "min watermark"),
        ("for i in $(seq 250); do x=$(alloc_pages 10); done; explain -b alloc_pages 10 __GFP_NOWARN",
         "no zone gives a block of order 10: the allocation fails"),
        ("explain -b kmalloc 64", "free objects wait in this CPU's array cache"),
        ("explain -b kmalloc 50", "the smallest kmalloc cache that holds 50 bytes is kmalloc-64"),
        ("explain -b kmalloc 9000", "9000 bytes are more than any kmalloc cache has"),
        ("plain on; explain -b kmalloc 64", "an object is taken from a slab that has room"),
        ("explain -b malloc 100", "cut off the top chunk"),
        ("p=$(malloc 100); free $p; explain -b malloc 100", "waits in the thread's cache (0 more there)"),
        ("p=$(malloc 100); explain -b free $p", "kept in the thread's cache (now 1 of its size)"),
        ("explain -b malloc 200k", "204816 bytes reach the mmap threshold (131072)"),
        ("p=$(malloc 200k); explain -b free $p", "munmap gives all of it back to the kernel at once"),
        ("p=$(mmap 8k); explain -b read $p", "the one page of zeros is mapped, read-only"),
        ("p=$(mmap 8k); fork; explain -b write $p", "the fresh page, cleared, is entered"),
        ("p=$(mmap 8k); touch $p; fork; explain -b write $p", "copy-on-write: this process has a page of its own now"),
        ("p=$(mmap 8k); touch $p; explain -b fork", "read-only on both sides until one of them writes"),
        ("explain -b touch 0x1000", "no area of the process holds 0x1000: SIGSEGV"),
        ("p=$(mmap 8k r); explain -b write $p", "does not allow to write: SIGSEGV"),
        ("p=$(kmalloc 64); explain -b kfree $p", "its slab still counts it as used"),
        ("explain -b kmem_cache create foo 100", "39 objects of 104 bytes fit into a slab of 1 page"),
        ("explain -b vmalloc 64k", "17 pages of addresses, the last of them a guard"),
        ("f=$(alloc_page GFP_HIGHUSER); explain -b kmap $f", "gets a slot of the permanent kmaps, at 0xff"),
        ("p=$(malloc 1M); explain -b touch $p 16k", "zone HighMem: 30860 pages free, low watermark 66 + reserve 0"),
    ],
)  # fmt: skip
def test_sentences_say_what_happened(lines: str, sentence: str) -> None:
    assert sentence in " ".join(said(lines).split())


def test_call_sites_are_the_functions_that_asked() -> None:
    text = said("trace on; x=$(vmalloc 8k); f=$(fork); kmalloc 64; trace show")
    assert "kmem_cache_alloc: call_site=anon_vma_fork ptr=" in text and "call_site=0x0 ptr=" in text
    assert "call_site=take" not in text and "call_site=<" not in text


@pytest.mark.parametrize(
    ("line", "sites"),
    [
        ("fork", ["dup_task_struct", "prepare_creds", "dup_fd", "alloc_pid", "vm_area_alloc"]),
        ("x=$(vmalloc 8k); vfree $x", ["__get_vm_area_node", "alloc_vmap_area", "__vmalloc_node_range", "__vunmap",
                                       "kvfree"]),
        ("mkfile /data 4M; cat /data > /dev/null", ["xas_alloc", "__d_alloc", "ext4_alloc_inode"]),
        ("p=$(mmap 4k); touch $p; munmap $p 4k", ["__anon_vma_prepare", "vm_area_free"]),
    ],
)  # fmt: skip
def test_call_sites_have_linux_names(line: str, sites: list[str]) -> None:
    made, _ = session()
    made.run(f"trace on; {line}")
    seen = {record[1] for record in made.box.trace.ring if record[0] in CALLED}
    assert set(sites) <= seen
    assert not seen & {"grow", "remove", "free_some", "get_vm_area", "lookup", "reserve_link", "drop_object"}


def test_events_of_a_kind_are_told_once() -> None:
    text = said("drain_all_pages; explain alloc_page")
    assert text.count("mm_page_alloc_zone_locked: page=") == 4
    assert "/* mm_page_alloc_zone_locked: and 59 more like these */" in text
    assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith(("$1", "953")))


def test_explain_free_is_the_formula_of_the_tool_only() -> None:
    text = said("explain free -h")
    assert "used = MemTotal - MemAvailable = " in text and "free = MemFree = " in text
    assert "MemTotal -" not in said("p=$(malloc 1M); touch $p 16k; explain free $p")


def small(line: str) -> str:
    out = io.StringIO()
    open_session(["--ram", "64M"], out, out).run(line)
    return " ".join(out.getvalue().split())


def test_memory_pressure_is_told() -> None:
    steps = "for i in $(seq 256 64 1200); do explain touch $p+43M+${i}k 64k; done"
    text = small(f"p=$(mmap 100M rw private,noreserve); touch $p 43M; touch $p+43M 256k; {steps}")
    assert "kswapd is woken for Normal: it will free pages when the box's clock moves" in text
    assert "this request has to free pages itself (direct reclaim); on the LRU lists are " in text
    assert "try_to_free_pages() { /* mm/vmscan.c */" in text and "mm_vmscan_direct_reclaim_begin: order=0" in text


def test_the_oom_killer_is_told_even_where_the_tree_is_cut() -> None:
    text = small("p=$(mmap 100M rw private,noreserve); touch $p 40M; explain touch $p+40M 30M")
    assert "# later: Out of memory: Killed process 53 (a.out)" in text


def test_a_fault_is_told_as_the_call_tree_of_linux() -> None:
    text = said("p=$(mmap 64k); explain write $p; explain write $p+4k")
    first, second = text.split("minflt 1")[1:]
    order = ("exc_page_fault() {", "page_fault_user:", "do_user_addr_fault() {", "find_vma();", "handle_mm_fault() {",
             "do_anonymous_page() {", "__alloc_pages() {", "get_page_from_freelist() {", "rmqueue()",
             "mm_page_alloc:")  # fmt: skip
    for story in (first, second):
        places = [story.index(name) for name in order]
        assert places == sorted(places)
        assert story.count("{  /*") == story.count("\n" + "}") + sum(line.strip() == "}" and line != "}"
                                                                       for line in story.split("\n"))  # fmt: skip
    assert "__anon_vma_prepare()" in first  # only where the area had none yet
    assert "__anon_vma_prepare()" not in second


def test_a_redirection_is_the_explained_commands_own() -> None:
    made, out = session()
    made.run("mkfile /data 64k; cat /data > /dev/null; sync; snapshot A")
    out.truncate(0)
    made.run("explain echo 3 > /proc/sys/vm/drop_caches; expect changed /proc/meminfo since A")
    assert "invalidate_mapping_pages()" in out.getvalue()
    assert "expected" not in out.getvalue()
    made.run("explain 'kmalloc 64' > /tmp/story; grep -c __kmalloc /tmp/story")
    assert out.getvalue().endswith("\n1\n")


def test_pages_freed_together_are_told_in_the_order_of_linux() -> None:
    made, _ = session()
    made.run("p=$(mmap 12k); touch $p 12k; trace on; munmap $p 12k; trace off")
    names = [record[0] for record in made.box.trace.ring if record[0].startswith("mm_page_free")]
    assert names == ["mm_page_free"] * 3 + ["mm_page_free_batched"] * 3
    assert not check.check(made.box)


def test_calls_alike_in_a_row_are_counted() -> None:
    text = said("q=$(vmalloc 64k); explain vfree $q")
    assert text.count("mm_page_free: page=") == 3
    assert "__free_pages(): and 13 more like these" in text


def test_events_beyond_those_that_are_told_are_counted_only() -> None:
    made, out = session()
    made.run("explain -b 'for i in {1..900}; do kmalloc 64 > /dev/null; done'")
    cut = out.getvalue().partition("(cut: ")[2].partition("\n")[0]
    assert cut and not cut.startswith("0 ")
    trace = made.box.trace
    assert not trace.counting and not trace.on and not trace.ring and not trace.total


def test_a_person_who_traces_has_all_events_of_what_is_explained() -> None:
    made, _ = session()
    made.run("trace on")
    before = made.box.trace.total
    made.run("explain -b 'for i in {1..900}; do kmalloc 64 > /dev/null; done'")
    ring = made.box.trace.ring
    assert made.box.trace.total - before >= 900
    assert sum(1 for event in ring if event[0] == "kmalloc") >= 900
