"""What the steps of ksmd mean. As memsh.teach.sentences, which merges these tables into its own. No known deviations.

The first word tells one kind of page from another: rows of one kind are folded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from memsh.linux.arch.x86.paging import pte_of
from memsh.linux.mm.ksm.types import STABLE, UNSTABLE

if TYPE_CHECKING:
    from memsh.teach.recorder import Recorder

Teller = Callable[["Recorder", dict[str, Any]], Any]


def _scan(story: Recorder, args: dict[str, Any]) -> Any:
    ksm = args["self"].ksm
    if ksm.slot is None:
        story.say(f"round {ksm.full_scans + 1} begins: the unstable tree is empty, the stable tree has "
                  f"{ksm.pages_shared} merged page{'s' * (ksm.pages_shared != 1)}")  # fmt: skip
    story.say(f"at most {ksm.pages_to_scan} pages now (pages_to_scan)")


def _look(story: Recorder, args: dict[str, Any]) -> Any:
    item = args["item"]
    return item, args["pfn"], item.where, item.oldchecksum


def _looked(story: Recorder, told: Any, value: Any) -> str:
    item, pfn, where, checksum = told
    place = f"frame {pfn:#x} at {item.address:#x}"
    if item.where == STABLE:
        if where == STABLE:
            return f"shared already: {place} is a merged page"
        kpfn = item.head.kpfn
        if len(item.head.items) == 2:
            return (f"alike: {place} and another page of this round; {kpfn:#x} becomes a merged page, read-only for "
                    "both, the other frame is free again")  # fmt: skip
        return f"known: {place} has the contents of merged page {kpfn:#x}, which is mapped instead; {pfn:#x} is free"
    if item.where == UNSTABLE:
        return f"unlike all others: {place} has not changed since the last round; it waits in the unstable tree"
    if item.oldchecksum != checksum:
        return f"new or changed since the last round: {place}; only its checksum is kept, to be compared next time"
    mm = story.box.vm.mms.get(item.mm)
    if mm is not None and pte_of(mm, item.address) >> 12 == story.box.vm.zero_pfn:
        return f"zeros: {place} gives way to the kernel's page of zeros (use_zero_pages)"
    return f"busy: {place} stays as it is: somebody else holds the page, or its area is gone"


def _scanned(story: Recorder, told: Any, value: Any) -> str:
    ksm = story.box.ksm
    return "the end of the round: full_scans grows" if value is None and ksm is not None and ksm.slot is None else ""


OF_KSM_BEFORE: dict[str, Teller] = {
    "ksmd._do_scan": _scan, "ksmd.cmp_and_merge_page": _look,
    "ksmd._scan_get_next_rmap_item": lambda story, args: args,
}  # fmt: skip
OF_KSM_AFTER: dict[str, Callable[[Recorder, Any, Any], str]] = {
    "ksmd.cmp_and_merge_page": _looked, "ksmd._scan_get_next_rmap_item": _scanned,
}  # fmt: skip
