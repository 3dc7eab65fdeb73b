"""Which requests of a disk's queue are taken, in debugfs (block/blk-mq-debugfs.c, lib/sbitmap.c: sbitmap_queue_show).

**Known deviations:** no request is under way when somebody looks; where each CPU looks first, which is random, is made
up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.flags import UINT_MAX

if TYPE_CHECKING:
    from memsh.linux.box import Box

WAIT_QUEUES = WAKE_BATCH = 8  # SBQ_WAIT_QUEUES, SBQ_WAKE_BATCH
HINT_STEP = 37


def sbitmap_shift(depth: int, bits: int) -> int:
    """How many bits of a word are used, as a power of two: so few that there are four words at least."""
    shift = bits.bit_length() - 1
    while depth >= 4 and 4 << shift > depth:
        shift -= 1
    return shift


def blk_mq_tags(box: Box, depth: int, shallow: int = 0) -> str:
    """`tags` or `sched_tags` of a queue of `depth` requests; `shallow`: the least that a scheduler leaves of it."""
    shift = sbitmap_shift(depth, box.arch.bits)
    most = min(depth, shallow) if shallow else depth
    hints = ", ".join(str((HINT_STEP * cpu + depth // 4 + 2) % depth) for cpu in range(box.config.present))
    waits = "\t{.wait=inactive},\n" * WAIT_QUEUES
    return (
        f"nr_tags={depth}\nnr_reserved_tags=0\nactive_queues=0\n\nbitmap_tags:\ndepth={depth}\nbusy=0\ncleared=0\n"
        f"bits_per_word={1 << shift}\nmap_nr={-(-depth // (1 << shift))}\nalloc_hint={{{hints}}}\n"
        f"wake_batch={min(max(most // WAIT_QUEUES, 1), WAKE_BATCH)}\nwake_index=0\nws_active=0\nws={{\n{waits}}}\n"
        f"round_robin=0\nmin_shallow_depth={shallow or UINT_MAX}"
    )
