"""Scenes whose cause is known, each with what its verdict must say and must not say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memsh.diagnosis.report import data, text
from memsh.diagnosis.verdict import judge
from memsh.proctext.findings import find
from tests.diagnosis import forge
from tests.diagnosis.forge import TaskTruth, Truth, ZoneTruth

NONE = [(0, "")] * 11


def blocks(*numbers: int, letters: str = "UM") -> list[tuple[int, str]]:
    """Free blocks of the first orders; the others have none."""
    found = [(number, letters if number else "") for number in numbers]
    return found + NONE[len(found) :]


DMA = ZoneTruth(0, "DMA", 3976, 33, [0, 1900, 7900, 7900], blocks(2, 1, 0, 1, 0, 0, 0, 0, 0, 1, 3))
JAVA, NGINX, GUARD = (
    TaskTruth(4711, "java", 1_500_000),
    TaskTruth(12, "nginx", 5000),
    TaskTruth(2, "db", 1_900_000, -1000),
)


def machine(
    style: str, normal: list[tuple[int, str]], dma32: list[tuple[int, str]] | None = None, **more: object
) -> Truth:
    zones = [
        DMA,
        ZoneTruth(0, "DMA32", 480000, 889, [0, 0, 14975, 14975], dma32 or blocks(300, 20)),
        ZoneTruth(0, "Normal", 1500000, 9000, [0, 0, 0, 0], normal),
    ]
    base = Truth(style, zones, anon=1_800_000, tasks=[JAVA, NGINX], mask="0xcc0", names="GFP_KERNEL")
    return replace(base, **more)  # type: ignore[arg-type]


def scene_fragmented() -> str:
    t = machine(
        "6.1",
        blocks(30000, 8000, 3000, 400),
        blocks(0, 1, 3968),
        order=4,
        mask="0x40cc0",
        names="GFP_KERNEL|__GFP_COMP",
    )
    return forge.failure(t)


def scene_fragmented_before_4_4() -> str:
    """Enough pages, even blocks of the order, but too few pages in large blocks for the rule of that time."""
    return forge.failure(machine("3.10", blocks(30000, 100, 20, 2, 3), order=4, mask="0xd0"))


def scene_same_since_4_4() -> str:
    return forge.failure(machine("4.4", blocks(30000, 100, 20, 2, 3), order=4, mask="0x24000c0"))


def scene_atomic() -> str:
    t = machine(
        "5.4",
        blocks(3000, 40),
        order=0,
        mask="0xa20",
        names="GFP_ATOMIC",
        comm="swapper/1",
        calls=("warn_alloc", "__alloc_skb"),
    )
    return forge.failure(t)


def scene_no_swap() -> str:
    return forge.oom(machine("5.4", blocks(4000, 100)), JAVA)


def scene_swap_full() -> str:
    return forge.oom(machine("3.10", blocks(4000, 100), mask="0x201da", swap_total=4_000_000, swap_free=12), JAVA)


def scene_spared() -> str:
    return forge.oom(
        machine("6.1", blocks(4000), tasks=[GUARD, TaskTruth(77, "small", 9000)]), TaskTruth(77, "small", 9000)
    )


def scene_slab_leak() -> str:
    return forge.oom(machine("6.8", blocks(4000), anon=200_000, slab_u=1_500_000), NGINX)


def scene_unnamed() -> str:
    return forge.oom(machine("6.1", blocks(4000), anon=150_000), NGINX)


def scene_huge_pool() -> str:
    return forge.oom(machine("4.14", blocks(4000), anon=200_000, huge=3300), NGINX)


def scene_tmpfs() -> str:
    return forge.oom(machine("5.4", blocks(4000), anon=200_000, shmem=1_500_000), NGINX)


def scene_cpuset() -> str:
    zones = [
        DMA,
        ZoneTruth(0, "Normal", 900000, 9000, [0, 0, 0, 0], blocks(90000, 9000)),
        ZoneTruth(1, "Normal", 900000, 9000, [0, 0, 0, 0], blocks(3000)),
    ]
    t = Truth(
        "6.1",
        zones,
        anon=900_000,
        tasks=[JAVA],
        mask="0x140cca",
        names="GFP_HIGHUSER_MOVABLE|__GFP_COMP",
        constraint="CONSTRAINT_CPUSET",
        mems="1",
    )
    return forge.oom(t, JAVA)


def scene_lowmem() -> str:
    zones = [
        ZoneTruth(0, "DMA", 3976, 33, [0, 800, 5000, 5000], blocks(100, 4)),
        ZoneTruth(0, "Normal", 210000, 900, [0, 0, 33000, 33000], blocks(700)),
        ZoneTruth(0, "HighMem", 800000, 128, [0, 0, 0, 0], blocks(9000, 8000, 7000, 900)),
    ]
    t = Truth(
        "3.10",
        zones,
        anon=300_000,
        slab_u=150_000,
        tasks=[NGINX],
        mask="0xd0",
        numa=False,
        calls=("out_of_memory", "do_fork"),
    )
    return forge.oom(t, NGINX)


def scene_cma() -> str:
    zones = [
        ZoneTruth(
            0,
            "DMA",
            240000,
            4000,
            [0, 0, 0],
            blocks(200, 100, 50, 30, 20, 10, 10, 10, 10, 100, 30, letters="MC"),
            cma=80000,
        )
    ]
    zones[0] = replace(zones[0], blocks=blocks(200, 100, 50, 30, 20, 10, 10, 10, 10, 100, 30, letters="C"))
    t = Truth("5.4", zones, anon=120_000, tasks=[NGINX], mask="0x40cc0", names="GFP_KERNEL|__GFP_COMP")
    t.zones[0].cma = t.zones[0].free - 500
    return forge.oom(t, NGINX)


def scene_cgroup() -> str:
    return forge.oom(
        machine("5.4", blocks(4000), group="/docker/0123abcd", limit=524288), TaskTruth(9, "node", 120000, 300)
    )


def scene_cgroup_1() -> str:
    return forge.oom(
        machine("4.14", blocks(4000), group="/system.slice/app", limit=1048576), TaskTruth(9, "node", 120000)
    )


def scene_stack_for_fork() -> str:
    t = machine(
        "4.14",
        blocks(40000, 900),
        order=2,
        mask="0x14000c0",
        names="GFP_KERNEL",
        calls=("out_of_memory", "copy_process", "_do_fork"),
    )
    return forge.oom(t, NGINX)


SCENES: dict[str, tuple[str, str, list[str], list[str]]] = {
    "fragmented": (
        scene_fragmented(),
        "fragmentation",
        [
            "worker (process 321) asked for a block of order 4, 16 pages in a row, 64 kB",
            "Memory is fragmented",
            "Normal has enough pages",
            "but no block of order 4",
            "DMA32: 15,874 pages free, needs more than 889 + 14,975",
            "not more memory",
        ],
        ["no zone"],
    ),
    "3.10": (
        scene_fragmented_before_4_4(),
        "fragmentation",
        ["before Linux 4.4 half of the watermark", "of them above order 0, needs more than 4,500"],
        [],
    ),
    "4.4": (scene_same_since_4_4(), "passes", ["it could have been served"], ["fragmented"]),
    "atomic": (
        scene_atomic(),
        "exhausted",
        [
            "swapper/1",
            "GFP_ATOMIC",
            "for a network packet",
            "Normal: 3,080 pages free, needs more than 3,375",
            "vm.min_free_kbytes",
            "might not wait",
        ],
        [],
    ),
    "no swap": (
        scene_no_swap(),
        "exhausted",
        [
            "No zone that it may use had pages to spare",
            "Killed: java (process 4711), which held 5.7 GiB anonymous",
            "processes' own pages 6.9 GiB",
            "swap space (there is none)",
        ],
        [],
    ),
    "swap full": (scene_swap_full(), "exhausted", ["more RAM or swap (its 3.8 GiB were full)"], ["there is none"]),
    "spared": (
        scene_spared(),
        "exhausted",
        ["Killed: small (process 77)", "db (2) held more (7.2 GiB) and was spared because its oom_score_adj is -1000"],
        [],
    ),
    "slab": (scene_slab_leak(), "exhausted", ["unreclaimable slab 5.7 GiB", "slabtop"], []),
    "unnamed": (scene_unnamed(), "exhausted", ["are in none of these counters", "a driver or a balloon"], []),
    "huge": (scene_huge_pool(), "exhausted", ["huge page pool 6.4 GiB", "vm.nr_hugepages"], ["balloon that holds"]),
    "tmpfs": (scene_tmpfs(), "exhausted", ["shared memory and tmpfs 5.7 GiB", "df of tmpfs"], []),
    "cpuset": (
        scene_cpuset(),
        "cpuset",
        ["Not the machine but node 1 was out of memory, for its cpuset", "node 1 Normal: 3,000 pages free"],
        ["node 0 Normal: 1"],
    ),
    "lowmem": (
        scene_lowmem(),
        "lowmem",
        ["to start a process", "Low memory was used up while high memory was not", "HighMem has", "64-bit kernel"],
        [],
    ),
    "cma": (scene_cma(), "cma", ["CMA", "closed to it", "cma="], []),
    "cgroup": (
        scene_cgroup(),
        "cgroup",
        [
            "The memory cgroup /docker/0123abcd reached its limit of 512 MiB (in use: 512 MiB, met 7 times)",
            "the machine itself was not out of memory",
            "Killed: node (process 9)",
            "oom_score_adj 300",
            "the group may not swap",
        ],
        ["No zone"],
    ),
    "cgroup v1": (
        scene_cgroup_1(),
        "cgroup",
        ["/system.slice/app reached its limit of 1.0 GiB", "processes' own pages 1.0 GiB"],
        [],
    ),
    "fork": (
        scene_stack_for_fork(),
        "fragmentation",
        ["order 2", "to start a process", "fragmented", "Killed: nginx"],
        ["there is none"],
    ),
}


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.parametrize("around", [forge.plain, forge.syslog, forge.quoted])
def test_the_verdict_is_right(name: str, around: object) -> None:
    body, cause, wanted, unwanted = SCENES[name]
    found = find(around(body))  # type: ignore[operator]
    (report,) = found.reports
    verdict = judge(report)
    said = text(found)
    assert verdict.cause == cause, said
    for phrase in wanted:
        assert phrase in said
    for phrase in unwanted:
        assert phrase not in said
    assert data(found)["reports"][0]["verdict"]["cause"] == cause


def test_every_verdict_is_a_few_whole_sentences() -> None:
    for body, *_ in SCENES.values():
        for report in find(body).reports:
            sentences = judge(report).sentences
            assert 3 <= len(sentences) <= 5
            assert all(sentence[0].isupper() or sentence[0].islower() for sentence in sentences)
            assert all(sentence.endswith(".") for sentence in sentences)


def test_what_a_text_does_not_tell_is_unknown() -> None:
    said = text(find("java invoked oom-killer: gfp_mask=0xd0, order=0\n"))
    assert "Which zone refused is not told" in said
    assert "kernel unknown" in said
    assert "not told: who was killed" in said


def test_totals_that_do_not_add_up_are_named() -> None:
    said = text(find(scene_no_swap().replace("300*4kB", "301*4kB")))
    assert "the blocks add up to 1364 kB, the line says 1360 kB" in said


def test_what_rsyslog_folds_into_one_line_is_unfolded() -> None:
    lines = scene_no_swap().splitlines()
    folded: list[str] = []
    for line in lines:
        if line.startswith((" active_file", " unevictable", " slab_", " mapped", " free:")):
            folded[-1] += "#012" + line
        else:
            folded.append(line)
    assert "#012" in "\n".join(folded)
    (plain,), (joined,) = find(scene_no_swap()).reports, find("\n".join(folded)).reports
    assert joined._replace(start=0) == plain._replace(start=0)


@pytest.mark.parametrize(
    "stamp",
    [
        "[Mar 3 04:05] ",
        "[  +0.000012] ",
        "[    1.500000 <    0.000012>] ",
        "<4>1 2023-03-03T04:05:06Z db7 kernel - - - [1.2] ",
        "Mar  3 04:05:06 db7 kernel[0]: ",
        "<4>[    1.500000,3] ",
        "2023/03/03 04:05:06 db7 kernel: ",
        "... ",
    ],
)
def test_other_prefixes(stamp: str) -> None:
    text = "".join(f"{stamp}{line}\n" for line in scene_no_swap().splitlines())
    (plain,), (stamped,) = find(scene_no_swap()).reports, find(text).reports
    assert stamped._replace(start=0) == plain._replace(start=0)


def test_slab_allocator_and_page_allocator_speak_of_one_event() -> None:
    complaint = (
        "SLUB: Unable to allocate memory on node -1, gfp=0xa20(GFP_ATOMIC)\n  cache: skbuff_head_cache, object size: "
        "232, buffer size: 256, default order: 0, min order: 0\n  node 0: slabs: 12, objs: 192, free: 0\n"
    )
    (report,) = find(complaint + scene_atomic()).reports
    assert report.slub is not None and report.slub.size == 232
    assert "for a slab of the cache skbuff_head_cache" in judge(report).sentences[0]
    (alone,) = find(complaint).reports
    assert (alone.kind, judge(alone).cause) == ("slab", "unknown")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "node: vmalloc: allocation failure: 4096 of 8388608 bytes, mode:0xcc2(GFP_KERNEL|__GFP_HIGHMEM)",
            "vmalloc for 8.0 MiB",
        ),
        (
            "x: vmalloc error: size 8192, failed to allocate pages, mode:0xcc0(GFP_KERNEL), nodemask=(null)",
            "vmalloc for 8 kB",
        ),
        (
            "vmap allocation for size 4198400 failed: use vmalloc=<size> to increase size.",
            "Addresses were short, not memory",
        ),
        ("Kernel panic - not syncing: Out of memory and no killable processes...", "the kernel panicked"),
        (
            "Out of memory: Killed process 5 (a b) total-vm:9kB, anon-rss:4096kB, file-rss:0kB",
            "a b (process 5), which held 4.0 MiB",
        ),
        (
            "Killed process 9682, UID 27, (mysqld) total-vm:47388kB, anon-rss:3744kB, file-rss:80kB",
            "Killed: mysqld (process 9682)",
        ),
    ],
)
def test_single_lines(line: str, words: str) -> None:
    assert words in text(find(f"[   12.5] {line}\n"))


PROMISES = "MemTotal: 8000000 kB\nMemFree: 3000000 kB\nMemAvailable: 5000000 kB\nCommitLimit: {} kB\n"
PROMISES += "Committed_AS: 5900000 kB\n"


@pytest.mark.parametrize(
    ("line", "limit", "words"),
    [
        ("bash: fork: Cannot allocate memory\nvm.overcommit_memory = 2", 6000000, "the limit is 5.7 GiB; swap"),
        ("OSError: [Errno 12] Cannot allocate memory (fork)", 6000000, "is 2 (which is not told)"),
        ("mmap failed: Cannot allocate memory\nvm.overcommit_memory = 1", 6000000, "another limit (ulimit -v"),
        ("malloc: ENOMEM\n$ cat /proc/sys/vm/overcommit_memory\n0", 90000000, "before Linux 5.0"),
    ],
)  # fmt: skip
def test_a_program_that_was_refused_is_told_why(line: str, limit: int, words: str) -> None:
    assert words in text(find(f"$ program\n{line}\n$ cat /proc/meminfo\n{PROMISES.format(limit)}"))


def test_a_contiguous_area_that_gave_nothing() -> None:
    log = (
        "[ 9.1] cma: cma_alloc: reserved: alloc failed, req-size: 2048 pages, ret: -16\n"
        "[ 9.1] number of available pages: 30@2+1500@600+1200@9000=> 2730 free of 65536 total pages\n"
    )
    (report,) = find(log).reports
    assert report.cma == (2048, 2730, 65536, 1500)
    assert "2,730 of its 65,536 pages were free, at most 1,500 in a row" in text(find(log))
    assert "not told" in text(find("cma: cma_alloc: alloc failed, req-size: 5 pages, ret: -12\n"))


def test_new_words_of_slub_and_of_sysrq() -> None:
    line = "SLUB: Unable to allocate memory on CPU#3 (of node 0) on node -1, gfp=0x820(GFP_ATOMIC)\n"
    line += "  cache: x, object size: 8\n"
    assert find(line).reports[0].slub is not None
    shown = forge.sysrq(machine("4.14", blocks(4000, 100))).replace("SysRq : Show", "sysrq: SysRq : Show")
    assert [report.kind for report in find(shown).reports] == ["sysrq"]
