"""Huge pages from boot: hugepagesz=, hugepages=, default_hugepagesz=, and the pools as the machine comes up
(mm/hugetlb.c: hugepages_setup, hugetlb_init).

Pages larger than any block are taken before there is a buddy system, and counted as managed memory afterwards.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memsh.linux.include.flags import GFP_NAMES
from memsh.linux.include.kern_levels import KERN_ERR, KERN_INFO, KERN_WARNING
from memsh.linux.include.memmap import K_HUGETLB
from memsh.linux.lib.cmdline import memparse
from memsh.linux.lib.string_helpers import string_get_size
from memsh.linux.mm.hugetlb.hstate import PMD_ORDER, PUD_ORDER, Hstate, Hugetlb
from memsh.linux.mm.hugetlb.pool import alloc_fresh_huge_page, alloc_pool_huge_page, free_huge_page, memory_nodes
from memsh.linux.mm.hugetlb.vmemmap import optimize

if TYPE_CHECKING:
    from memsh.linux.box import Box

_BOOTMEM = "huge pages"


class Parser:
    """What the command line says of huge pages, word by word in its order."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.hugetlb = box.hugetlb
        self.hugetlb.states.clear()
        self.valid = True  # the last hugepagesz= was one
        self.default_parsed = False
        self.parsed: Hstate | None = None
        self.implicit = Hstate(PMD_ORDER, Hugetlb.NODES)  # hugepages= before any hugepagesz=: of the default size
        self.last: Hstate | None = None
        self.held: list[tuple[str, int]] | None = []  # messages, until the command line itself was told of

    def say(self, text: str, level: int = KERN_WARNING) -> None:
        if self.held is not None:
            self.held.append((text, level))
        else:
            self.box.log.printk(f"HugeTLB: {text}", level)

    def tell(self) -> None:
        """What was said so far goes to the log, and from now on at once."""
        held, self.held = self.held, None
        for text, level in held or ():
            self.say(text, level)

    def add(self, order: int) -> None:
        """hugetlb_add_hstate()."""
        if order not in self.hugetlb.states:
            self.parsed = self.hugetlb.states[order] = Hstate(order, Hugetlb.NODES)

    def hugepagesz(self, text: str) -> None:
        self.valid = False
        order = _order(text)
        if order is None:
            self.say(f"unsupported hugepagesz={text}", KERN_ERR)
            return
        h = self.hugetlb.states.get(order)
        if h is not None:
            if not self.default_parsed or h is not self.hugetlb.default or h.max_huge_pages:
                self.say(f"hugepagesz={text} specified twice, ignoring")
                return
            self.parsed = h
        else:
            self.add(order)
        self.valid = True

    def default_hugepagesz(self, text: str) -> None:
        self.valid = False
        if self.default_parsed:
            self.say(f"default_hugepagesz previously specified, ignoring {text}", KERN_ERR)
            return
        order = _order(text)
        if order is None:
            self.say(f"unsupported default_hugepagesz={text}", KERN_ERR)
            return
        self.add(order)
        self.valid = self.default_parsed = True
        self.hugetlb.default_order = order
        if self.implicit.max_huge_pages:
            self._settle_implicit()
            if self.hugetlb.default.gigantic:
                alloc_bootmem(self, self.hugetlb.default)

    def _settle_implicit(self) -> None:
        h = self.hugetlb.default
        h.max_huge_pages, h.max_node = self.implicit.max_huge_pages, list(self.implicit.max_node)
        self.implicit.max_huge_pages = 0

    def hugepages(self, text: str) -> None:
        """A number of pages, or `node:number,…`."""
        if not self.valid:
            self.say(f"hugepages={text} does not follow a valid hugepagesz, ignoring")
            self.valid = True
            return
        h = self.parsed if self.hugetlb.states and self.parsed is not None else self.implicit
        if h is self.last:
            self.say("hugepages= specified twice without interleaving hugepagesz=, ignoring "
                     f"hugepages={text}")  # fmt: skip
            return
        nodes = range(max(1, len(self.box.config.nodes)))
        rest = text
        while rest:
            found = re.match(r"\s*[+-]?([0-9]+)(?::\s*([0-9]+)(,?))?", rest)
            by_node = found is not None and found[2] is not None
            if found is None or (not by_node and (rest != text or rest[found.end() :].startswith(":"))):
                self._invalid(h, rest)
                return
            if not by_node:
                h.max_huge_pages = int(found[1])
                break
            if int(found[1]) not in nodes:
                self._invalid(h, rest)
                return
            h.max_node[int(found[1])] = int(found[2])
            h.max_huge_pages += int(found[2])
            if not found[3]:
                break
            rest = rest[found.end() :]
        if h is not self.implicit and h.gigantic:
            alloc_bootmem(self, h)
        self.last = h

    def _invalid(self, h: Hstate, rest: str) -> None:
        self.say(f"Invalid hugepages parameter {rest}")
        h.max_node = [0] * len(h.max_node)

    def finish(self) -> None:
        """What the machine has whatever the command line says (gigantic_pages_init, hugetlb_init)."""
        self.add(PUD_ORDER)
        self.add(PMD_ORDER)
        if self.default_parsed or not self.implicit.max_huge_pages:
            return
        h = self.hugetlb.default
        if h.max_huge_pages:
            self.say(f"Ignoring hugepages={h.max_huge_pages} associated with {string_get_size(h.size)} page size")
            self.say(f"Using hugepages={self.implicit.max_huge_pages} for number of default huge pages")
        self._settle_implicit()


def _order(text: str) -> int | None:
    """arch_hugetlb_valid_size()."""
    return {4096 << order: order for order in (PMD_ORDER, PUD_ORDER)}.get(memparse(text)[0])


def hugetlb_setup(box: Box) -> Parser:
    """Take the parameters, and what must come before the buddy system."""
    parser = Parser(box)
    box.hugetlb.optimize_vmemmap = int(box.config.parameter("hugetlb_free_vmemmap") in ("1", "y", "Y", "on", ""))
    for word in box.config.cmdline.split():
        name, given, value = word.partition("=")
        if given and name in ("hugepagesz", "hugepages", "default_hugepagesz"):
            getattr(parser, name)(value)
    return parser


def _take(box: Box, h: Hstate, nid: int) -> int:
    """One page from the node, or from wherever one is (memblock_alloc_try_nid_raw); 0 if there is none."""
    memblock = box.machine.memblock
    return memblock.alloc(h.size, h.size, _BOOTMEM, box.machine.homes[nid]) or memblock.alloc(h.size, h.size, _BOOTMEM)


def alloc_bootmem(parser: Parser, h: Hstate) -> None:
    """Pages of a gigantic size from memblock, by turns from the nodes (hugetlb_hstate_alloc_pages)."""
    box = parser.box
    for nid, wanted in enumerate(h.max_node):
        for done in range(wanted):
            if not _take(box, h, nid):
                parser.say(f"allocating {wanted} of page size {string_get_size(h.size)} failed node{nid}.  Only "
                           f"allocated {done} hugepages.")  # fmt: skip
                h.max_huge_pages -= wanted - done
                h.max_node[nid] = done
                break
    if any(h.max_node):
        return
    nodes = tuple(range(len(box.machine.homes)))
    for done in range(h.max_huge_pages):
        nid = next(h.next_to_alloc(nodes))
        if not _take(box, h, nid):
            parser.say(f"allocating {h.max_huge_pages} of page size {string_get_size(h.size)} failed.  Only "
                       f"allocated {done} hugepages.")  # fmt: skip
            h.max_huge_pages = done
            return


def hugetlb_init(box: Box, parser: Parser) -> None:
    """The pools are filled as far as memory allows, and told of."""
    parser.finish()
    for h in box.hugetlb.states.values():
        if not h.gigantic:
            _alloc_pages(parser, h)
        h.demote_order = max((order for order in box.hugetlb.states if order < h.order), default=0)
    _gather_bootmem_prealloc(box)
    for h in box.hugetlb.states.values():
        size = string_get_size(h.size)
        parser.say(f"registered {size} page size, pre-allocated {h.nr_free} pages", KERN_INFO)
        parser.say(f"{(h.pages * 64 - 4096) >> 10} KiB vmemmap can be freed for a {size} page", KERN_INFO)


def _alloc_pages(parser: Parser, h: Hstate) -> None:
    box = parser.box
    for nid, wanted in enumerate(h.max_node):
        for done in range(wanted):
            pfn = alloc_fresh_huge_page(box, h, h.gfp | GFP_NAMES["__GFP_THISNODE"], nid, memory_nodes(box))
            if not pfn:
                parser.say(f"allocating {wanted} of page size {string_get_size(h.size)} failed node{nid}.  Only "
                           f"allocated {done} hugepages.")  # fmt: skip
                h.max_huge_pages -= wanted - done
                h.max_node[nid] = done
                break
            free_huge_page(box, h, pfn)
    if any(h.max_node):
        return
    noretry: set[int] = set()
    for done in range(h.max_huge_pages):
        if not alloc_pool_huge_page(box, h, memory_nodes(box), noretry):
            parser.say(f"allocating {h.max_huge_pages} of page size {string_get_size(h.size)} failed.  Only "
                       f"allocated {done} hugepages.")  # fmt: skip
            h.max_huge_pages = done
            return


def _gather_bootmem_prealloc(box: Box) -> None:
    """What was taken early becomes huge pages, and managed memory; the last one taken first."""
    memmap = box.memmap
    for h in box.hugetlb.states.values():
        if not h.gigantic:
            continue
        taken = [old for old in box.machine.memblock.reserved if old.name == _BOOTMEM]
        for start in sorted((at for old in taken for at in range(old.start, old.end, h.size)), reverse=True):
            pfn, count = start >> 12, h.pages
            for name in ("refcount", "flags", "kind"):
                column = getattr(memmap, name)
                column[pfn : pfn + count] = memoryview(bytes(count * column.itemsize)).cast(column.format)
            memmap.refcount[pfn], memmap.kind[pfn], memmap.order[pfn] = 1, K_HUGETLB, h.order
            zone = box.pages.zone_of(pfn)
            zone.managed += count
            optimize(box, h, pfn)
            h.nr_node[zone.node] += 1
            free_huge_page(box, h, pfn)
