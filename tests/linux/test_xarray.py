"""The tree of a file's pages: a dict in what it answers, Linux's nodes in what it costs."""

from hypothesis import given, settings
from hypothesis import strategies as st

from memsh.linux.config import MIB, Config
from memsh.linux.lib.xarray import NODE, XArray
from memsh.machines.box import Box

BOX = Box(Config(ram=64 * MIB))
INDEX = st.one_of(st.integers(0, 130), st.integers(0, 5000), st.integers(0, 1 << 20))


def wanted_nodes(indices: set[int]) -> int:
    """The nodes of lib/xarray.c, level by level, for a tree with these indices."""
    if not indices or indices == {0}:
        return 0
    level = {index >> 6 for index in indices}
    total = len(level)
    while level != {0}:
        level = {number >> 6 for number in level}
        total += len(level)
    return total


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("sspve"), INDEX), max_size=60))
def test_a_dict_with_linux_nodes(steps: list[tuple[str, int]]) -> None:
    tree = XArray(BOX)
    before = BOX.vmstat["workingset_nodes"]
    pages: dict[int, int] = {}
    values: dict[int, int] = {}
    for what, index in steps:
        if what == "s":
            tree[index] = 1000 + index % 7
            pages[index] = 1000 + index % 7
            values.pop(index, None)
        elif what == "p" and index in pages:
            assert tree.pop(index) == pages.pop(index)
        elif what == "v":
            tree.put_value(index, index + 1)
            pages.pop(index, None)
            values[index] = index + 1
        elif what == "e" and index in values:
            tree.put_value(index, 0)
            del values[index]
        assert tree.get(index) == pages.get(index)
        assert tree.value(index) == values.get(index, 0)
        assert len(tree) == len(pages)
        assert tree.nodes() == wanted_nodes({*pages, *values})
    assert tree.items() == sorted(pages.items())
    leaves = {index >> 6 for index in values} - {index >> 6 for index in pages}
    if {*pages, *values} == {0}:
        leaves.clear()  # index 0 alone needs no node
    assert BOX.vmstat["workingset_nodes"] - before == len(leaves)
    for leaf in list(tree.leaves):
        tree.clear_leaf(leaf)
    assert tree.nodes() == 0 and len(tree) == 0
    assert BOX.vmstat["workingset_nodes"] == before


def test_nodes_are_objects() -> None:
    box = Box(Config(ram=64 * MIB))
    tree = XArray(box)
    for index in range(8192):
        tree[index] = index + 1
    addrs = {*tree.addrs.values(), *(node[0] for node in tree.upper.values())}
    assert tree.nodes() == len(addrs) == 128 + 2 + 1
    assert {box.slab.object_at(addr).cache.name for addr in addrs} == {NODE}
