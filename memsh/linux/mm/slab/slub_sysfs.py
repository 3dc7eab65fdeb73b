"""/sys/kernel/slab: a cache's folder under its own name or, if it may be merged, under one made of size and flags.

Each attribute is a line of text (mm/slub.c, slab_attrs). No known deviations.
"""

from __future__ import annotations

import re

from memsh.lazy import regular
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.mm.slab.api import (
    SLAB_ACCOUNT,
    SLAB_CACHE_DMA,
    SLAB_HWCACHE_ALIGN,
    SLAB_RECLAIM_ACCOUNT,
    SLAB_TYPESAFE_BY_RCU,
)
from memsh.linux.mm.slab.slub_caches import ATTRIBUTES
from memsh.linux.mm.slab.slub_restore import SlubRestore
from memsh.linux.mm.slab.slub_types import SlubCache

WRITABLE = ("min_partial", "cpu_partial", "shrink", "validate", "remote_node_defrag_ratio")
_NUMBER = regular(r"\+?(\d+)\n?\Z", re.ASCII)
ULONG_MAX = (1 << 64) - 1


def _number(text: str, most: int) -> int:
    """kstrtoul(): EINVAL for no number, ERANGE for one that does not fit."""
    found = _NUMBER.match(text)
    if found is None:
        raise KernelError("EINVAL")
    value = int(found[1])
    if value > most:
        raise KernelError("ERANGE")
    return value


class SlubSysfs(SlubRestore):
    """What /sys/kernel/slab shows and takes."""

    def unique_id(self, cache: SlubCache) -> str:
        """The name of a cache's folder (create_unique_id; its own name if it is never merged)."""
        if self.unmergeable(cache):
            return cache.name.replace("/", "!")  # as every kobject
        letters = "".join(letter for letter, flag in
                          (("d", SLAB_CACHE_DMA), ("a", SLAB_RECLAIM_ACCOUNT), ("A", SLAB_ACCOUNT))
                          if cache.flags & flag)  # fmt: skip
        return f":{letters}{'-' * bool(letters)}{cache.size:07d}"

    def folders(self) -> dict[str, SlubCache]:
        """Every folder's name and whose it is."""
        return {self.unique_id(cache): cache for cache in self.caches.values()}

    def folder(self, name: str) -> SlubCache | None:
        """Whose the folder of that name is: the last cache that has it, as in folders()."""
        if not name.startswith(":"):
            cache = self.caches.get(name.replace("!", "/"))
            return cache if cache is not None and self.unique_id(cache) == name else None
        size = name[-7:]
        return next((cache for cache in reversed(self.caches.values())
                     if f"{cache.size:07d}" == size and self.unique_id(cache) == name), None)  # fmt: skip

    def link(self, name: str) -> str:
        """Where the symbolic link of that name leads to, "" if there is none."""
        cache = self.caches.get(self.aliases.get(name, name))
        folder = self.unique_id(cache) if cache is not None else ""
        return folder if folder != name else ""

    def links(self) -> dict[str, str]:
        """Every symbolic link and the folder that it leads to: each name of a cache that may be merged."""
        own = {cache.name: self.unique_id(cache) for cache in self.caches.values()}
        found = {name: folder for name, folder in own.items() if name != folder}
        found.update((alias, own[target]) for alias, target in self.aliases.items())
        return found

    def attributes(self) -> dict[str, int]:
        """Every file of a folder and its mode."""
        return {name: 0o600 if name in WRITABLE else 0o400 for name in ATTRIBUTES}

    def attribute(self, cache: SlubCache, name: str) -> str:
        """The text of a file; it ends in a newline unless it is empty."""
        text = self._shown(cache, name)
        return f"{text}\n" if text else ""

    def store_attribute(self, cache: SlubCache, name: str, text: str) -> None:
        """Write to a file; EINVAL or ERANGE for what makes no sense."""
        if name == "min_partial":
            cache.min_partial = _number(text, ULONG_MAX)
        elif name == "cpu_partial":
            cache.set_cpu_partial(_number(text, UINT_MAX))
            self.flush_all(cache)
        elif name == "remote_node_defrag_ratio":
            ratio = _number(text, UINT_MAX)
            if ratio > 100:
                raise KernelError("ERANGE")
            cache.remote_node_defrag_ratio = ratio * 10
        elif name == "shrink":
            if not text.startswith("1"):
                raise KernelError("EINVAL")
            self.kmem_cache_shrink(cache)
        elif name == "validate":
            raise KernelError("EINVAL")  # only caches that are debugged can be
        else:
            raise KernelError("EIO")

    def _shown(self, cache: SlubCache, name: str) -> str:
        numbers = {
            "slab_size": cache.size, "object_size": cache.object_size, "objs_per_slab": cache.num,
            "order": cache.gfporder, "min_partial": cache.min_partial, "cpu_partial": cache.cpu_partial,
            "aliases": max(0, cache.refcount - 1), "align": cache.align, "usersize": cache.usersize,
            "remote_node_defrag_ratio": cache.remote_node_defrag_ratio // 10,
        }  # fmt: skip
        if name in numbers:
            return str(numbers[name])
        flags = {"hwcache_align": SLAB_HWCACHE_ALIGN, "reclaim_account": SLAB_RECLAIM_ACCOUNT,
                 "destroy_by_rcu": SLAB_TYPESAFE_BY_RCU, "cache_dma": SLAB_CACHE_DMA}  # fmt: skip
        if name in flags:
            return str(int(bool(cache.flags & flags[name])))
        if name in ("sanity_checks", "trace", "red_zone", "poison", "store_user"):
            return "0"
        if name == "ctor":
            return cache.ctor
        if name == "slabs_cpu_partial":
            return self._cpu_partial(cache)
        return self._by_node(cache, name) if name not in ("shrink", "validate") else ""

    def _cpu_partial(self, cache: SlubCache) -> str:
        """Slabs on the CPUs' partial lists, in brackets behind the objects that are taken to be free there."""
        counts = [cpu.partial.slabs if cpu.partial is not None else 0 for cpu in cache.cpu_slab]
        parts = [f"{sum(counts) * cache.num // 2}({sum(counts)})"]
        parts += [f"C{number}={count * cache.num // 2}({count})" for number, count in enumerate(counts) if count]
        return " ".join(parts)

    def _by_node(self, cache: SlubCache, name: str) -> str:
        """A sum, and behind it each node's part that is not 0 (show_slab_objects)."""
        if name == "cpu_slabs":
            parts = self._cpu_slabs(cache)
        else:
            parts = []
            for n in cache.node:
                used = sum(slab.inuse for slab in n.partial.values())
                free = sum(slab.objects for slab in n.partial.values()) - used
                parts.append({
                    "slabs": n.nr_slabs, "total_objects": n.total_objects, "partial": len(n.partial),
                    "objects": n.total_objects - free, "objects_partial": used,
                }[name])  # fmt: skip
        return " ".join([str(sum(parts)), *(f"N{nid}={part}" for nid, part in enumerate(parts) if part)])

    def _cpu_slabs(self, cache: SlubCache) -> list[int]:
        """Slabs that CPUs hold, by node; a CPU's partial slabs all count for the first one's node."""
        parts = [0] * len(cache.node)
        for cpu in cache.cpu_slab:
            if cpu.slab is not None:
                parts[cpu.slab.nid] += 1
                if cpu.partial is not None:
                    parts[cpu.partial.nid] += cpu.partial.slabs
        return parts
