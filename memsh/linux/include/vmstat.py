"""Node items and events, by the names /proc/vmstat prints (mm/vmstat.c, vmstat_text[]).

Zone items (nr_free_pages, nr_zone_*, nr_mlock, nr_bounce, …) live in the zones and are summed when shown. Node items
and events are one dict, kept exactly: `vmstat["nr_anon_pages"] += 1`. Units: pages, but nr_kernel_stack KiB and
pgpgin/pgpgout KiB.

Known deviation: node items have no per-CPU lag; only the zones' NR_FREE_PAGES does, since watermarks look at it.
"""


class VmStat(dict[str, int]):
    """A dict that answers 0 for what never happened, without storing it."""

    def __missing__(self, name: str) -> int:
        return 0
