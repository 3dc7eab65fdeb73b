"""getline: the next record, of the main input, a file or a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.shell import ShellError
from memsh.textutils.awk.values import Numeric

if TYPE_CHECKING:
    from memsh.textutils.awk.compiler import Expressions
    from memsh.textutils.awk.expressions import Tree
    from memsh.textutils.awk.places import Frame, Numbers


def getline(c: Expressions, tree: Tree) -> Numbers:
    """getline, getline <FILE, COMMAND | getline, each with or without a variable: 1, 0 at the end, -1 for no file."""
    _, kind, source, target = tree
    rt = c.rt
    if rt.sandbox and kind:
        raise ShellError("fatal: redirection not allowed in sandbox mode", 2)
    settle, target = c.settled(target) if target is not None else (lambda f: None, None)
    store = c.store(target) if target is not None else None
    touch = c.value(target) if target is not None and target[0] == "item" else lambda f: None
    name = c.text(source) if source is not None else None

    def read(f: Frame) -> float:
        settle(f)
        touch(f)  # an element is there from now on, whether something is read or not
        if name is None:
            found = rt.next_record()
        else:
            named = name(f)
            if not named:
                raise ShellError(f"fatal: expression for `{kind}' redirection has null string value", 2)
            reader = rt.files.reader(kind, named)
            if reader is None:
                return -1.0
            found = next(reader, None)
        if found is None:
            return 0.0
        if store is not None:
            store(f, Numeric(found))
        else:
            rt.take(found)
        return 1.0

    return read
