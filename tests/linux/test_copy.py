"""A copied box shares nothing with the first that either could change, and has the same future."""

from __future__ import annotations

import io
from array import array
from collections import deque
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import pytest

from memsh.cli import open_session
from memsh.linux.arch.x86.arch import Arch
from memsh.linux.arch.x86.mmu import Mmu
from memsh.linux.box import Box
from memsh.linux.include.model import Model
from tests.observing import differing, seen

FIXED = (Arch, Mmu, Model, type, ModuleType, FunctionType, BuiltinFunctionType, str, bytes, int, float, bool, range)
WORK = """\
mkfile /big 3M; cat /big > /dev/null; echo text > /tmp/f; exec 3< /big; p=$(mmap 8M rw); touch $p 8M
m=$(malloc 100k); for i in 1 2 3; do fork; malloc 5000; done; s=$(mmap 64k rw shared); touch $s 64k
mmap 1M r private --file /big; madvise $p 64k free; mlock $p 64k; kmem_cache create teapot 100
for i in $(seq 50); do kmem_cache alloc teapot; kmalloc 64; done; vmalloc 64k; alloc_pages 3; sleep 3
""".splitlines()
LATER = """\
kmalloc 64; fork; malloc 1M; touch $ 1M; echo more >> /tmp/f; free $m; rm /big; sleep 30; kill -9 54
sysctl -w vm.drop_caches=3; munmap $p 1M; stress --vm 1 --vm-bytes 30M -t 1s; kmem_cache shrink dentry
""".splitlines()


def changeable(box: Box) -> dict[int, Any]:
    """What is reachable from the box and can be changed, by its id."""
    found: dict[int, Any] = {}
    waiting: list[Any] = [box]
    passed: dict[int, Any] = {}
    while waiting:
        one = waiting.pop()
        if id(one) in passed or isinstance(one, FIXED) or one is None:
            continue
        passed[id(one)] = one
        if isinstance(one, dict):
            found[id(one)] = one
            waiting += [*one.keys(), *one.values()]
            waiting += [vars(one)] if hasattr(one, "__dict__") else []
        elif isinstance(one, (list, set, deque)):
            found[id(one)] = one
            waiting += list(one)
        elif isinstance(one, (tuple, frozenset)):
            waiting += list(one)
        elif isinstance(one, (array, bytearray, memoryview)):
            found[id(one)] = one
        elif isinstance(one, MethodType):
            waiting += [one.__self__]
        else:
            found[id(one)] = one
        slots = [name for kind in type(one).__mro__ for name in vars(kind).get("__slots__", ())]
        waiting += [getattr(one, name) for name in slots if hasattr(one, name)]
        waiting += list(vars(one).values()) if hasattr(one, "__dict__") else []
    return found


@pytest.mark.parametrize("arch", ["i386", "x86_64"])
def test_nothing_is_shared(arch: str) -> None:
    session = open_session(["--arch", arch, "--ram", "256M", "--swap", "64M"], io.StringIO(), io.StringIO())
    for line in WORK:
        session.run(line)
    box = session.box
    copy = box.copy()
    first, second = changeable(box), changeable(copy)
    assert len(first) > 3_000
    shared = [first[key] for key in first.keys() & second.keys()]
    assert {type(one).__name__: repr(one)[:80] for one in shared} == {}
    assert not differing(seen(box), seen(copy))
    for line in LATER:
        session.run(line)
    after = seen(box)
    session.box = copy
    for line in LATER:
        session.run(line)
    assert not differing(after, seen(copy))
