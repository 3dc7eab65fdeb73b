"""Red-black trees: who is where in one depends on the order in which they came and went (lib/rbtree.c).

Whoever searches walks `left` and `right` himself, and gives the place that he came to. No known deviations.
"""

from __future__ import annotations

from collections.abc import Iterator

from memsh.linux.lib.copying import slotwise


class RbNode:
    """What can be in a tree: its place there."""

    __slots__ = ("left", "parent", "red", "right")

    def __init__(self) -> None:
        self.parent: RbNode | None = None
        self.left: RbNode | None = None
        self.right: RbNode | None = None
        self.red = False


@slotwise()
class RbRoot:
    """A tree; `node` is at its top."""

    __slots__ = ("node",)

    def __init__(self) -> None:
        self.node: RbNode | None = None

    def __iter__(self) -> Iterator[RbNode]:
        """In order."""
        above, at = list[RbNode](), self.node
        while above or at is not None:
            while at is not None:
                above.append(at)
                at = at.left
            at = above.pop()
            yield at
            at = at.right

    def insert(self, node: RbNode, parent: RbNode | None, left: bool) -> None:
        """Hang it below `parent`, whose place there is empty; without one it is the first (rb_link_node,
        rb_insert_color)."""
        node.parent, node.left, node.right, node.red = parent, None, None, True
        if parent is None:
            self.node = node
        elif left:
            parent.left = node
        else:
            parent.right = node
        while parent is not None and parent.red:
            above = parent.parent
            assert above is not None  # the one at the top is black
            uncle = above.right if parent is above.left else above.left
            if uncle is not None and uncle.red:
                parent.red = uncle.red = False
                above.red = True
                node, parent = above, above.parent
                continue
            if (node is parent.left) != (parent is above.left):
                self._rotate(parent, parent is above.left)
                node, parent = parent, node
            parent.red, above.red = False, True
            self._rotate(above, node is not parent.left)
            break
        assert self.node is not None
        self.node.red = False

    def erase(self, node: RbNode) -> None:
        """Take it out (rb_erase)."""
        if node.left is not None and node.right is not None:
            heir = node.right
            while heir.left is not None:
                heir = heir.left
            child, lost = heir.right, not heir.red
            parent = heir if heir.parent is node else heir.parent
            if heir is not node.right:
                self._replace(heir, child)
                heir.right = node.right
                heir.right.parent = heir
            self._replace(node, heir)
            heir.left = node.left
            heir.left.parent = heir
            heir.red = node.red
        else:
            child, parent, lost = node.left or node.right, node.parent, not node.red
            self._replace(node, child)
        if lost:
            self._settle(child, parent)

    def replace(self, old: RbNode, new: RbNode) -> None:
        """`new` takes the place of `old` (rb_replace_node)."""
        new.left, new.right, new.red = old.left, old.right, old.red
        for child in (new.left, new.right):
            if child is not None:
                child.parent = new
        self._replace(old, new)

    def _replace(self, old: RbNode, new: RbNode | None) -> None:
        """Whoever is above `old` has `new` below instead."""
        parent = old.parent
        if parent is None:
            self.node = new
        elif parent.left is old:
            parent.left = new
        else:
            parent.right = new
        if new is not None:
            new.parent = parent

    def _rotate(self, node: RbNode, left: bool) -> None:
        """Its child from the other side takes its place."""
        if left:
            child = node.right
            assert child is not None
            node.right, inner = child.left, child.left
            child.left = node
        else:
            child = node.left
            assert child is not None
            node.left, inner = child.right, child.right
            child.right = node
        if inner is not None:
            inner.parent = node
        self._replace(node, child)
        node.parent = child

    def _settle(self, node: RbNode | None, parent: RbNode | None) -> None:
        """One black node is missing on the way to `node`, which is below `parent`."""
        while parent is not None and (node is None or not node.red):
            left = node is parent.left
            other = parent.right if left else parent.left
            assert other is not None  # that side has a black one more
            if other.red:
                other.red, parent.red = False, True
                self._rotate(parent, left)
                other = parent.right if left else parent.left
                assert other is not None
            near, far = (other.left, other.right) if left else (other.right, other.left)
            if (near is None or not near.red) and (far is None or not far.red):
                other.red = True
                node, parent = parent, parent.parent
                continue
            if far is None or not far.red:
                assert near is not None
                near.red, other.red = False, True
                self._rotate(other, not left)
                other, far = near, other
            other.red, parent.red, far.red = parent.red, False, False
            self._rotate(parent, left)
            return
        if node is not None:
            node.red = False
