"""How much reclaim could free at best (mm/vmscan.c: zone_reclaimable_pages); compaction asks, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.mmzone import Zone

if TYPE_CHECKING:
    from memsh.linux.box import Box


def zone_reclaimable_pages(box: Box, zone: Zone) -> int:
    """Pages of a zone that reclaim might free; its free pages if there are none."""
    stat = zone.stat
    number = stat["nr_zone_inactive_file"] + stat["nr_zone_active_file"]
    if box.swap.get_nr_swap_pages() > 0:
        number += stat["nr_zone_inactive_anon"] + stat["nr_zone_active_anon"]
    return number or zone.nr_free
