"""dynamic_debug/control: what a real 6.1 made of the same queries, in this order."""

from __future__ import annotations

import pytest

from memsh.linux.config import Config
from memsh.linux.include.errno import KernelError
from memsh.machines.box import Box
from memsh.procfs import tree

CONTROL = "/sys/kernel/debug/dynamic_debug/control"
REFUSED = [  # (written, what the log says)
    ("+q", "dyndbg: unknown flag 'q'", "flags"), ("func", "dyndbg: bad flag-op f, at start of func", "flags"),
    ("func a func b +p", "dyndbg: match-spec:func val:a overridden by b", "query"),
    ("line 5 line 6 +p", "dyndbg: match-spec: line used 2x", "query"),
    ("bogus x +p", 'dyndbg: unknown keyword "bogus"', "query"),
    ("func a +p; bogus", "dyndbg: bad flag-op b, at start of bogus", "flags"),
    ("line 3-1 +p", "dyndbg: last-line:1 < 1st-line:3", "query"), ("line x +p", "dyndbg: bad line-number: x", "query"),
]  # fmt: skip
TAKEN = ("class X +p", "func nothere +p", "# comment", "+", "", "func a +p;")


@pytest.fixture(scope="module")
def fresh() -> Box:
    return Box(Config(arch="x86_64"))


def rows(box: Box, word: str) -> list[str]:
    return [row for row in tree.show(box, CONTROL).splitlines() if word in row]


def test_the_messages_are_the_recorded_kernels(fresh: Box) -> None:
    text = tree.show(fresh, CONTROL).splitlines()
    assert text[0] == "# filename:lineno [module]function flags format" and len(text) == 1205
    assert text[1] == 'init/main.c:1152 [main]initcall_blacklist =p "blacklisting initcall %s\\n"'
    assert tree.show(fresh, "/proc/dynamic_debug/control") == tree.show(fresh, CONTROL)
    assert not tree.exists(Box(Config()), CONTROL)


@pytest.mark.parametrize(("query", "told", "part"), REFUSED)
def test_a_query_that_makes_no_sense_is_told_of(fresh: Box, query: str, told: str, part: str) -> None:
    box = fresh.copy()
    before = tree.show(box, CONTROL)
    with pytest.raises(KernelError) as refused:
        tree.store(box, CONTROL, query + "\n")
    assert refused.value.code == "EINVAL" and tree.show(box, CONTROL) == before
    assert [record.text for record in box.log.records][-2:] == [told, f"dyndbg: {part} parse failed"]


@pytest.mark.parametrize("query", TAKEN)
def test_a_query_that_finds_nothing_is_taken(fresh: Box, query: str) -> None:
    box = fresh.copy()
    before = tree.show(box, CONTROL)
    tree.store(box, CONTROL, query + "\n")
    assert tree.show(box, CONTROL) == before


def test_queries_choose_by_function_file_line_module_and_text(fresh: Box) -> None:
    box = fresh.copy()
    for query in ("func initcall_blacklist -p", "file init/main.c:1191 +l", "module main line 1390-1400 =_",
                  "format ^initcall +mt", "file initramfs.c +pf"):  # fmt: skip
        tree.store(box, CONTROL, query + "\n")
    assert [row.split(" ")[2] for row in rows(box, "init/main.c")] == ["=_", "=pmlt", "=_", "=_", "=_", "=p"]
    assert rows(box, "init/initramfs.c")[0].split(" ")[2] == "=pf"
    tree.store(box, CONTROL, "=p\n")
    assert len(rows(box, " =p ")) == 1204
    assert tree.show(box.copy(), CONTROL) == tree.show(box, CONTROL)
