"""The recorded machine that writes more memory than it has: the same faults, and about the same traffic."""

from memsh.inspect.check import check
from memsh.linux.config import MIB, Config
from memsh.linux.include.mm_types import MM_ANONPAGES, MM_SWAPENTS
from memsh.machines.box import Box
from memsh.procfs.tree import show
from tests.linux.swapping import switch_on
from tests.linux.transcript import Replay, steps
from tests.paths import REFERENCE

# what has to agree within a factor of two, and 24
COUNTERS = [
    "nr_zone_inactive_anon", "nr_inactive_anon", "nr_anon_pages", "nr_page_table_pages", "nr_vmscan_write",
    "nr_written", "pgpgout", "pswpout", "pgalloc_dma", "pgalloc_normal", "pgfree", "allocstall_movable",
    "pgsteal_kswapd", "pgsteal_direct", "pgscan_kswapd", "pgscan_anon", "pgsteal_anon",
    "pageoutrun", "pgrotated", "kswapd_low_wmark_hit_quickly", "kswapd_high_wmark_hit_quickly", "pgfault",
    "pgmajfault", "compact_stall", "oom_kill", "drop_slab", "pgscan_direct_throttle", "workingset_activate_file",
    "workingset_restore_anon", "pgdemote_direct", "compact_migrate_scanned", "pgmigrate_success",
    "nr_isolated_anon", "nr_dirty", "workingset_nodes", "unevictable_pgs_culled",
]  # fmt: skip
LATER = ["workingset_refault_anon", "pswpin", "pgpgin", "swap_ra", "swap_ra_hit"]  # once something was read back


TOGETHER = ("pgscan", "pgsteal")  # of kswapd and of who asks for memory: the scheduler says who of them is at it


def values(lines: list[str]) -> dict[str, int]:
    return {words[0]: int(words[1]) for words in map(str.split, lines) if words[1].isdigit()}


def test_as_recorded() -> None:
    box = Box(Config(ram=128 * MIB))
    switch_on(box, 65536)
    player = Replay(box)
    path = REFERENCE / "transcripts" / "swap.txt"
    start = values(show(box, "/proc/vmstat").splitlines())
    names = list(COUNTERS)
    for step in steps(path):
        words = step.command.split()
        if words[:2] == ["cat", "/proc/vmstat"]:
            ours, theirs = values(show(box, "/proc/vmstat").splitlines()), values(step.answer)
            for name in names:
                mine = ours[name] - (start[name] if name == "pgpgin" else 0)
                low, high = sorted((mine, theirs[name]))
                assert high <= 2 * low + 24, f"line {step.line}: {name} {mine}, recorded {theirs[name]}"
            for what in TOGETHER:
                low, high = sorted(one[what + "_kswapd"] + one[what + "_direct"] for one in (ours, theirs))
                assert high <= 1.1 * low + 24, f"line {step.line}: {what} {low} {high}"
            assert check(box) == []
        elif words[:2] == ["cat", "/proc/meminfo"] and player.tasks:
            assert box.swap.total_pages == 65535
        if words[0] not in ("spawn", "to") or words[2:3] == ["cat"]:
            continue
        answer = player.do(step.command)
        assert answer is not None
        if words[0] == "to":
            ours_count, theirs_count = (sum(map(int, line[-1].split()[-3::2])) for line in (answer, step.answer))
            assert ours_count == theirs_count, f"line {step.line}: {answer[-1]}, recorded {step.answer[-1]}"
        mm = player.tasks["p"].mm
        assert mm is not None
        pages = mm.rss[MM_ANONPAGES] + mm.rss[MM_SWAPENTS]
        if words[2] == "mmap":
            own = pages
        elif words[2] in ("read", "write"):
            assert pages == own + 40960
        elif words[2] == "munmap":
            assert pages == own
        if words[2] == "read":
            names += LATER
    assert check(box) == []
