"""The tree that holds a file's pages: 64 slots a node, each node an object of radix_tree_node (lib/xarray.c).

Used like a dict from page index to frame, in ascending order of the indices. A slot may instead hold a value entry of
31 bits (the shadow of a reclaimed page, a swap entry): `value()`, `put_value()`; `in`, len() and iteration see pages
only. Marks as in Linux: pages that are dirty, and pages under writeback.

The nodes are those that Linux has: none while index 0 alone is there, else one for each group of 64 with something in
it, and those above them up to the one head, whose height follows the highest index.

Known deviations: the bottom nodes are kept in a dict and reached in one step; nodes come with GFP_KERNEL.
"""

from __future__ import annotations

import copy
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import GFP_KERNEL_ACCOUNT
from memsh.linux.lib.columns import lanes, ramp
from memsh.linux.mm.slab.objects import give, take

if TYPE_CHECKING:
    from memsh.linux.box import Box

CHUNK = 64  # slots of a node: 1 << XA_CHUNK_SHIFT
SHIFT = 6
VALUE = 1 << 31  # set in what is no frame
NODE = "radix_tree_node"
_EMPTY = bytes(4 * CHUNK)


class XArray:
    """`leaves`: number of a bottom node -> its 64 slots. `live`: how many of them are pages."""

    gfp = GFP_KERNEL_ACCOUNT  # of the nodes (XA_FLAGS_ACCOUNT)
    __slots__ = (
        "_order", "addrs", "box", "count", "dirty", "height", "leaves", "live", "swaps", "upper", "writeback",
    )  # fmt: skip

    def __init__(self, box: Box, swaps: bool = False) -> None:
        self.box = box
        self.swaps = swaps  # its values are swap entries, not shadows
        self.count = 0  # pages, which is nrpages
        self.leaves: dict[int, array[int]] = {}
        self.live: dict[int, int] = {}
        self.addrs: dict[int, int] = {}  # of the objects of bottom nodes
        self.upper: dict[tuple[int, int], list[int]] = {}  # (level, number) -> [address, nodes below]
        self.height = 0
        self.dirty: dict[int, int] = {}  # marks: number of a bottom node -> a bit for each slot
        self.writeback: dict[int, int] = {}
        self._order: list[int] | None = None  # the numbers of the bottom nodes, ascending

    def __deepcopy__(self, memo: dict[int, Any]) -> XArray:
        new = self.__class__.__new__(self.__class__)
        memo[id(self)] = new
        new.box = copy.deepcopy(self.box, memo)
        new.count, new.height, new.swaps = self.count, self.height, self.swaps
        new.leaves = {leaf: slots[:] for leaf, slots in self.leaves.items()}
        new.live, new.addrs = self.live.copy(), self.addrs.copy()
        new.upper = {key: node[:] for key, node in self.upper.items()}
        new.dirty, new.writeback = self.dirty.copy(), self.writeback.copy()
        new._order = None
        return new

    # -- looking up -------------------------------------------------------------------------------------------------

    def get(self, index: int, default: Any = None) -> Any:
        """The frame of page `index`, or `default`."""
        slots = self.leaves.get(index >> SHIFT)
        if slots is None:
            return default
        entry = slots[index & 63]
        return entry if 0 < entry < VALUE else default

    def __contains__(self, index: int) -> bool:
        return self.get(index) is not None

    def __getitem__(self, index: int) -> int:
        pfn = self.get(index)
        if pfn is None:
            raise KeyError(index)
        return int(pfn)

    def __len__(self) -> int:
        return self.count

    def order(self) -> list[int]:
        """Numbers of the bottom nodes, ascending. Not to be changed."""
        if self._order is None:
            self._order = sorted(self.leaves)
        return self._order

    def items(self, first: int = 0, last: int = 1 << 52) -> list[tuple[int, int]]:
        """(index, frame) of the pages in [first, last), ascending."""
        found: list[tuple[int, int]] = []
        order = self.order()
        for at in range(bisect_left(order, first >> SHIFT), len(order)):
            leaf = order[at]
            base = leaf << SHIFT
            if base >= last:
                break
            if not self.live[leaf]:
                continue
            if first <= base and base + CHUNK <= last:
                found += [pair for pair in enumerate(self.leaves[leaf], base) if 0 < pair[1] < VALUE]
            else:
                found += [
                    (index, entry)
                    for index, entry in enumerate(self.leaves[leaf], base)
                    if 0 < entry < VALUE and first <= index < last
                ]
        return found

    def runs(self) -> list[tuple[int, int, int]]:
        """The pages as (index, frame, how many) where frames follow each other within a bottom node, ascending."""
        found: list[tuple[int, int, int]] = []
        for leaf in self.order():
            slots, base = self.leaves[leaf], leaf << SHIFT
            if 0 < slots[0] < VALUE - CHUNK and slots.tobytes() == ramp(slots[0], CHUNK):
                found.append((base, slots[0], CHUNK))
            elif self.live[leaf]:
                for start, group in groupby(enumerate(slots), lambda slot: 0 < slot[1] < VALUE and slot[1] - slot[0]):
                    if start is not False:
                        (at, pfn), *more = group
                        found.append((base + at, pfn, 1 + len(more)))
        return found

    def __iter__(self) -> Iterator[int]:
        return iter([index for index, _ in self.items()])

    def values(self) -> list[int]:
        return [pfn for _, pfn in self.items()]

    def present(self, index: int, most: int) -> list[int]:
        """Frames of the pages from `index` on without a gap, at most `most` and within one bottom node."""
        slots = self.leaves.get(index >> SHIFT)
        if slots is None:
            return []
        at = index & 63
        found = slots[at : at + most].tolist()
        if 0 in found:
            del found[found.index(0) :]
        if found and max(found) >= VALUE:
            del found[next(at for at, entry in enumerate(found) if entry >= VALUE) :]
        return found

    def empty(self, index: int, most: int) -> int:
        """How many of the slots from `index` on hold nothing at all, at most `most` and within one bottom node."""
        most = min(most, CHUNK - (index & 63))
        slots = self.leaves.get(index >> SHIFT)
        if slots is None:
            return most
        at = index & 63
        part = slots[at : at + most].tolist()
        return next((n for n, entry in enumerate(part) if entry), most)

    def shadows(self, index: int, most: int) -> list[int]:
        """The value entries from `index` on, up to the first slot without one, at most `most` and within one node."""
        slots = self.leaves.get(index >> SHIFT)
        if slots is None:
            return []
        at = index & 63
        found = slots[at : at + most].tolist()
        if min(found) < VALUE:
            del found[next(at for at, entry in enumerate(found) if entry < VALUE) :]
        return [entry & ~VALUE for entry in found]

    # -- storing ----------------------------------------------------------------------------------------------------

    def __setitem__(self, index: int, pfn: int) -> None:
        """Store a frame. ENOMEM if a node is missing and there is no memory for it."""
        leaf = index >> SHIFT
        slots = self.leaves.get(leaf)
        if slots is None:
            slots = self._add_leaf(leaf)
        if index and not self.height:
            self._grow(leaf)
        if not self.live[leaf]:
            self._delist(leaf)
        at = index & 63
        old = slots[at]
        slots[at] = pfn
        if not 0 < old < VALUE:
            self.count += 1
            self.live[leaf] += 1

    def store_run(self, index: int, pfns: Sequence[int]) -> None:
        """Store frames at slots without pages from `index` on, all within one bottom node that is there already."""
        leaf, at = index >> SHIFT, index & 63
        self.leaves[leaf][at : at + len(pfns)] = array("I", pfns)
        self.count += len(pfns)
        if not self.live[leaf]:
            self._delist(leaf)
        self.live[leaf] += len(pfns)

    def pop(self, index: int, default: int | None = None) -> int:
        """Take a page out; its node goes with the last thing in it. KeyError without a default."""
        leaf = index >> SHIFT
        slots = self.leaves.get(leaf)
        entry = slots[index & 63] if slots is not None else 0
        if slots is None or not 0 < entry < VALUE:
            if default is None:
                raise KeyError(index)
            return default
        self._clear(leaf, slots, index & 63, 0)
        return entry

    def __delitem__(self, index: int) -> None:
        self.pop(index)

    def _clear(self, leaf: int, slots: array[int], at: int, entry: int) -> None:
        """A page goes from its slot, `entry` takes its place."""
        slots[at] = entry
        self.count -= 1
        live = self.live[leaf] = self.live[leaf] - 1
        if leaf in self.dirty:
            self.unmark_bits(self.dirty, leaf, 1 << at)
        if leaf in self.writeback:
            self.unmark_bits(self.writeback, leaf, 1 << at)
        if not live:
            if slots.tobytes() == _EMPTY:
                self._drop_leaf(leaf)
            elif max(slots) >= VALUE:
                self._enlist(leaf)
                if not entry and self.height == 1:
                    self._lift_first()
        elif live == 1 and self.height == 1:
            self._lift_first()

    def clear_leaf(self, leaf: int) -> None:
        """Empty a whole bottom node."""
        slots = self.leaves[leaf]
        self.count -= self.live[leaf]
        slots[:] = array("I", _EMPTY)
        self.dirty.pop(leaf, None)
        self.writeback.pop(leaf, None)
        self._drop_leaf(leaf)

    def _enlist(self, leaf: int) -> None:
        """A bottom node has nothing but shadows in it: it may go if memory is short (workingset_update_node)."""
        addr = self.addrs.get(leaf)
        if addr and not self.swaps:
            self.box.shadow_nodes.of(addr)[addr] = self, leaf
            self.box.vmstat["workingset_nodes"] += 1

    def _delist(self, leaf: int) -> None:
        """It has something else in it now, or it goes."""
        addr = self.addrs.get(leaf)
        if addr and not self.swaps and self.box.shadow_nodes.of(addr).pop(addr, None) is not None:
            self.box.vmstat["workingset_nodes"] -= 1

    # -- values -----------------------------------------------------------------------------------------------------

    def value(self, index: int) -> int:
        """The value entry at `index`; 0 if there is none."""
        slots = self.leaves.get(index >> SHIFT)
        entry = slots[index & 63] if slots is not None else 0
        return entry & ~VALUE if entry & VALUE else 0

    def put_value(self, index: int, value: int) -> None:
        """Put a value of 1 … 2^31 - 1 in the place of the page at `index`, or in an empty slot; 0 takes one out."""
        leaf = index >> SHIFT
        slots = self.leaves.get(leaf)
        at = index & 63
        if not value:
            if slots is not None and slots[at] & VALUE:
                slots[at] = 0
                if not max(slots):
                    self._drop_leaf(leaf)
                elif self.height == 1:
                    self._lift_first()
            return
        if slots is None:
            slots = self._add_leaf(leaf)
        if index and not self.height:
            self._grow(leaf)
        if 0 < slots[at] < VALUE:
            self._clear(leaf, slots, at, VALUE | value)
        else:
            alone = not self.live[leaf] and leaf in self.addrs and not max(slots)
            slots[at] = VALUE | value
            if alone:
                self._enlist(leaf)

    def put_values(self, index: int, values: array[int], way: int = 1) -> None:
        """put_value() in the places of pages that stand side by side from `index` on and carry no mark; the last one
        first if `way` is -1."""
        done, total = 0, len(values)
        empty: list[int] = []  # bottom nodes without pages now
        marked = int.from_bytes(values.tobytes(), "little") | lanes(VALUE, total)
        entries = array("I", marked.to_bytes(4 * total, "little"))
        while done < total:
            leaf, at = index >> SHIFT, index & 63
            count = total - done if total - done < CHUNK - at else CHUNK - at
            slots = self.leaves[leaf]
            slots[at : at + count] = entries[done : done + count]
            self.count -= count
            live = self.live[leaf] = self.live[leaf] - count
            if not live:
                empty.append(leaf)
            elif live == 1 and self.height == 1:
                self._lift_first()
            done += count
            index += count
        for leaf in empty[::way]:
            self._enlist(leaf)

    # -- marks ------------------------------------------------------------------------------------------------------

    @staticmethod
    def mark(marks: dict[int, int], index: int) -> None:
        """Set a mark, xa.dirty or xa.writeback, on one page."""
        marks[index >> SHIFT] = marks.get(index >> SHIFT, 0) | 1 << (index & 63)

    @staticmethod
    def mark_run(marks: dict[int, int], index: int, count: int) -> None:
        """Set a mark on pages of one bottom node."""
        marks[index >> SHIFT] = marks.get(index >> SHIFT, 0) | ((1 << count) - 1) << (index & 63)

    def unmark(self, marks: dict[int, int], index: int) -> None:
        if index >> SHIFT in marks:
            self.unmark_bits(marks, index >> SHIFT, 1 << (index & 63))

    @staticmethod
    def unmark_bits(marks: dict[int, int], leaf: int, bits: int) -> None:
        """Clear marks, given as bits, in one bottom node that has some."""
        left = marks[leaf] & ~bits
        if left:
            marks[leaf] = left
        else:
            del marks[leaf]

    # -- nodes ------------------------------------------------------------------------------------------------------

    def _add_leaf(self, leaf: int) -> array[int]:
        if leaf or self.height:
            self._grow(leaf)
        slots = self.leaves[leaf] = array("I", _EMPTY)
        self.live[leaf] = 0
        if self._order is not None:
            if not self._order or leaf > self._order[-1]:
                self._order.append(leaf)
            else:
                self._order = None
        return slots

    def _grow(self, leaf: int) -> None:
        """The object of bottom node `leaf`, and what it needs above it. ENOMEM: nothing has changed."""
        bottom = [] if leaf in self.addrs else [leaf]
        if not self.height and self.leaves and leaf:
            bottom.insert(0, 0)  # index 0 stood alone in the head
        height = self.height or 1
        lifted: list[tuple[int, int]] = []  # heads that go on top of the old one
        below = bool(leaf) and (0 in self.addrs or 0 in bottom if height == 1 else (height, 0) in self.upper)
        while leaf >> SHIFT * (height - 1):
            if below:
                lifted.append((height + 1, 0))
            height += 1
        path: list[tuple[int, int]] = []
        met: tuple[int, int] | None = None
        for level in range(2, height + 1):
            key = (level, leaf >> SHIFT * (level - 1))
            if key in self.upper or key in lifted:
                met = key
                break
            path.append(key)
        addrs = self._take(len(bottom) + len(lifted) + len(path))
        for number in bottom:
            self.addrs[number] = addrs.pop()
        for key in lifted + path:
            self.upper[key] = [addrs.pop(), 1]
        if met is not None:
            self.upper[met][1] += 1
        self.height = height
        first = self.leaves.get(0)  # which may have stood alone in the head
        if 0 in bottom and first is not None and first[0] >= VALUE and not self.live[0]:
            self._enlist(0)

    def _take(self, count: int) -> list[int]:
        """Objects of nodes; ENOMEM for all or none. While the box boots they are among those that it counts anyway."""
        addrs: list[int] = []
        kept = self.box.slab.boot_objects.get(NODE) if not self.box.disk.started else None
        try:
            for _ in range(count):
                addrs.append(kept.pop() if kept else take(self.box, NODE, self.gfp))
        except KernelError:
            for addr in addrs:
                give(self.box, NODE, addr)
            raise
        addrs.reverse()
        return addrs

    def _drop_leaf(self, leaf: int) -> None:
        box = self.box
        if not self.live[leaf]:
            self._delist(leaf)
        del self.leaves[leaf], self.live[leaf]
        self._order = self._order[:-1] if self._order and self._order[-1] == leaf else None
        addr = self.addrs.pop(leaf, 0)
        if not addr:
            return
        give(box, NODE, addr)
        for level in range(2, self.height + 1):
            key = (level, leaf >> SHIFT * (level - 1))
            node = self.upper[key]
            node[1] -= 1
            if node[1]:
                break
            give(box, NODE, node[0])
            del self.upper[key]
        self._shrink()

    def _shrink(self) -> None:
        """A head with nothing but its first slot gives way to what is there (xas_shrink)."""
        while self.height > 1:
            head = self.upper.get((self.height, 0))
            if head is not None:
                below = (self.height - 1, 0) in self.upper if self.height > 2 else 0 in self.addrs
                if head[1] > 1 or not below:
                    return
                give(self.box, NODE, head[0])
                del self.upper[self.height, 0]
            self.height -= 1
        if not self.addrs:
            self.height = 0
        elif self.height == 1:
            self._lift_first()

    def _lift_first(self) -> None:
        """Index 0, when nothing else is left, stands in the head itself."""
        slots = self.leaves[0]
        if slots[0] and slots.count(0) == CHUNK - 1:
            self._delist(0)
            give(self.box, NODE, self.addrs.pop(0))
            self.height = 0

    def nodes(self) -> int:
        """How many objects of radix_tree_node the tree has."""
        return len(self.addrs) + len(self.upper)
