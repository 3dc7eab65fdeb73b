"""A function as bash prints it: `declare -f`, `type` (bash: print_cmd.c).

The text is read once more, words staying as they were written. Known deviation: a here-document of a condition is
printed behind its `then` or `do`, where bash prints it inside the first command that follows, from where it cannot be
read again.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from memsh.shell.errors import ShellError
from memsh.shell.parser import Parser
from memsh.shell.quoting import single
from memsh.shell.syntax import (
    AndOr,
    AnyWord,
    Assign,
    Case,
    CFor,
    Compound,
    Cond,
    Coproc,
    For,
    Function,
    Group,
    If,
    Node,
    Part,
    Pipeline,
    Redirect,
    Select,
    Series,
    Simple,
    Sum,
    Timed,
    While,
)

STEP = 4  # blanks
_NUMBERED = frozenset([">&", "<&", "<>"])
_HERE = "\ud800"  # behind it stand the here-documents that wait for their line to end
_DONE = "\ud801"  # one has been printed: bash leaves out the next ; too


class _Flat(int):
    """A depth outside of functions: there the commands of a list stand in one line."""

    def __add__(self, more: int) -> _Flat:
        return _Flat(int(self) + more)


class Raw(Parser):
    """Reads commands; a word is the text that it was written as."""

    def __init__(self, text: str, first: int = 1) -> None:
        super().__init__(text, first)
        self.resolved: dict[int, tuple[int, str]] = {}  # where a `$'…'` or `$"` begins: where it ends, what it became

    def ansi(self, bare: bool) -> str:
        begun, found = self.pos, super().ansi(bare)
        self.resolved[begun] = self.pos, found if bare else single(found)
        return found

    def dollar(self, parts: list[Part], quoted: bool, first: bool) -> None:
        if not quoted and self.text.startswith('$"', self.pos):
            self.resolved[self.pos] = self.pos + 1, ""
        super().dollar(parts, quoted, first)

    def raw(self, begun: int, end: int) -> str:
        """A part of the text, in which `$'…'` is what it stands for: bash keeps nothing else."""
        out, at = "", begun
        for place in sorted(place for place in self.resolved if begun <= place < end):
            out += self.text[at:place] + self.resolved[place][1]
            at = self.resolved[place][0]
        return out + self.text[at:end]

    def word(self, value: bool = False) -> AnyWord:
        begun = self.pos
        super().word(value)
        return self.raw(begun, self.pos)

    def _regex(self) -> AnyWord:
        begun = self.pos
        super()._regex()
        return self.raw(begun, self.pos)

    def expression(self) -> AnyWord | None:
        begun = self.pos
        return None if super().expression() is None else self.raw(begun, self.pos - 2)

    def assignment(self) -> Assign | None:
        begun = self.pos
        found = super().assignment()
        return found if found is None else Assign(found.name, raw=self.raw(begun, self.pos))

    def body(self) -> AnyWord:
        return self.text

    def document(self, redirect: Redirect) -> None:
        begun, strips = self.pos, redirect.op == "<<-"
        super().document(redirect)
        raw = self.text[begun : self.pos]
        _, end, is_quoted, _ = self.documents[-1]
        shown = f"'{end}'" if is_quoted else raw
        redirect.name = f"{'<<-' if strips else '<<'}{shown}\n{end}"


@lru_cache(256)
def definition(name: str, text: str) -> str:
    """`name () { … }` of a function that was typed as `text`; that text itself if it cannot be read again."""
    try:
        lines = [line.program for line in Raw(text + "\n").lines()]
    except ShellError:
        return text
    if len(lines) != 1 or not isinstance(lines[0], Function):
        return text
    return _function(lines[0].body, name, 0).replace(_HERE, "").replace(_DONE, "")


@lru_cache(256)
def commands(text: str) -> str:
    """What a job runs, as `jobs` lists it."""
    try:
        lines = [line.program for line in Raw(text + "\n").lines()]
    except ShellError:
        return text
    return _shown(lines[0], _Flat()).replace(_HERE, "").replace(_DONE, "") if len(lines) == 1 else text


def _function(body: Node, name: str, depth: int) -> str:
    behind = ""
    if isinstance(body, Compound):
        behind, body = _redirects(body.redirects, depth), body.inner
    inner = body.body if isinstance(body, Group) and not body.own else body
    blanks = " " * depth
    return f"{name} () \n{blanks}{{ \n{_block(inner, depth + STEP)}\n{blanks}}}{behind}"


def _block(node: Node, depth: int) -> str:
    return " " * depth + _shown(node, depth)


def _body(node: Node, depth: int) -> str:
    """What stands between `do` and `done` and the like."""
    return f"\n{_ended(_block(node, depth + STEP))}\n{' ' * depth}"


def _ended(text: str) -> str:
    """With the `;` behind it, but not behind a `&` or a here-document."""
    return text if text.rstrip(_DONE).endswith(("&", "\n")) else text + ";"


def _before(text: str, sign: str, blank: str = " ") -> str:
    """`text` and the sign that follows it, before the here-documents of that line."""
    head, here, documents = text.partition(_HERE)
    return f"{head}{sign}{documents}{_DONE}{blank}" if here else head + sign


def _shown(node: Node, depth: int) -> str:
    return _SHOW[type(node)](node, depth)  # type: ignore[no-any-return]


def _simple(node: Simple, depth: int) -> str:
    words = [word.raw if isinstance(word, Assign) else str(word) for word in [*(node.assigns or ()), *node.words]]
    text = " ".join(words)
    behind = _redirects(node.redirects or [], depth)
    return text + behind if text else behind.lstrip()


def _redirects(redirects: list[Redirect], depth: int) -> str:
    out, documents = [], []
    for redirect in redirects:
        op, target, default = redirect.op, str(redirect.target), 0 if redirect.op[0] == "<" else 1
        if op == "<<":
            fd = str(redirect.fd) if redirect.fd else ""
            shown, _, end = redirect.name.partition("\n")
            out.append(f" {fd}{shown}")
            documents.append(f"{target}{end}\n")
            continue
        named = f"{{{redirect.name}}}" if redirect.name else ""
        shows = redirect.fd != default or (op in _NUMBERED and target[:1] != "$")
        number = named or (str(redirect.fd) if shows else "")
        if op in (">&", "<&"):
            copied = re.fullmatch(r"[0-9]+-?|-|\$.*", target) is not None
            out.append(f" {number}{'>&' if target == '-' else op}{target}" if copied else f" &> {target}")
        elif op == "<>":
            out.append(f" {number}<> {target}")
        else:
            out.append(f" {number}{op} {target}")
    return "".join(out) + (f"{_HERE}\n" + "".join(documents) if documents else "")


def _series(node: Series, depth: int) -> str:
    out = ""
    for number, (item, background) in enumerate(node.items):
        if number:
            sign = "\n" if _HERE in out or _DONE in out else "; " if isinstance(depth, _Flat) else ";\n"
            out = out.replace(_DONE, "").replace(_HERE, _DONE)
            out += " " if node.items[number - 1][1] else sign if sign == "; " else sign + " " * depth
        shown = _shown(item, depth)
        out += _before(shown, " &") if background else shown
    return out


def _pipeline(node: Pipeline, depth: int) -> str:
    out = "! " if node.negate else ""
    for at, stage in enumerate(node.stages):
        shown = _shown(stage, depth)
        if at + 1 < len(node.stages):
            shown = _before(shown, " 2>&1 |" if at in node.both else " |") + " "
        out += shown
    return out


def _andor(node: AndOr, depth: int) -> str:
    out = _shown(node.first, depth)
    for sign, other in node.others:
        out = _before(out, f" {sign} ") + _shown(other, depth)
    return out


def _if(node: If, depth: int) -> str:
    (condition, body), *others = node.branches
    otherwise = If(others, node.otherwise) if others else node.otherwise
    text = f"{_before('if ' + _shown(condition, depth), '; then', '')}{_body(body, depth)}"
    if otherwise is not None:
        text += f"else{_body(otherwise, depth)}"
    return text + "fi"


def _while(node: While, depth: int) -> str:
    word = "until" if node.until else "while"
    return f"{_before(f'{word} {_shown(node.condition, depth)}', '; do', '')}{_body(node.body, depth)}done"


def _for(node: For, depth: int) -> str:
    words = " ".join(map(str, node.words)) if node.words is not None else '"$@"'
    opener = "select" if isinstance(node, Select) else "for"
    return f"{opener} {node.name} in {words};\n{' ' * depth}do{_body(node.body, depth)}done"


def _cfor(node: CFor, depth: int) -> str:
    three = "; ".join(str(part).strip() or "1" for part in (node.first, node.test, node.after))
    return f"for (({three}))\n{' ' * depth}do{_body(node.body, depth)}done"


def _case(node: Case, depth: int) -> str:
    blanks = " " * (depth + STEP)
    out = f"case {node.word} in "
    for patterns, body, ending in node.items:
        inside = _block(body, depth + 2 * STEP) if body is not None else ""
        out += f"\n{blanks}{' | '.join(map(str, patterns))})\n{inside}\n{blanks}{ending}"
    return f"{out}\n{' ' * depth}esac"


def _group(node: Group, depth: int) -> str:
    if node.own:
        return f"( {_shown(node.body, depth).replace(_HERE, _DONE)} )"
    if isinstance(depth, _Flat):
        return f"{{ {_ended(_shown(node.body, depth))} }}"
    return f"{{ \n{_block(node.body, depth + STEP)}\n{' ' * depth}}}"


def _compound(node: Compound, depth: int) -> str:
    return _shown(node.inner, depth) + _redirects(node.redirects, depth)


def _nested(node: Function, depth: int) -> str:
    return "function " + _function(node.body, node.name, int(depth))


def _timed(node: Timed, depth: int) -> str:
    return f"time {'-p ' if node.posix else ''}{_shown(node.body, depth)}"


def _test(tree: tuple[Any, ...]) -> str:
    operator = tree[0]
    if operator == "word":
        return f"-n {tree[1]}"
    if operator in ("&&", "||"):
        return f"{_side(tree[1], operator)} {operator} {_side(tree[2], operator)}"
    if operator == "!":
        return f"! {_side(tree[1], '!')}"
    if len(tree) == 2:
        return f"{operator} {tree[1]}"
    return f"{tree[1]} {operator} {tree[2]}"


def _side(tree: tuple[Any, ...], around: str) -> str:
    """With the parentheses that the tree has lost, where they are needed."""
    needed = (around == "!" and tree[0] in ("&&", "||")) or (around == "&&" and tree[0] == "||")
    return f"( {_test(tree)} )" if needed else _test(tree)


_SHOW: dict[type, Any] = {
    Simple: _simple, Series: _series, Pipeline: _pipeline, AndOr: _andor, If: _if, While: _while, For: _for,
    Select: _for, CFor: _cfor, Case: _case, Group: _group, Compound: _compound, Function: _nested, Timed: _timed,
    Coproc: lambda node, depth: f"coproc {node.name} {_shown(node.body, depth)}",
    Sum: lambda node, depth: f"(({node.word}))", Cond: lambda node, depth: f"[[ {_test(node.tree)} ]]",
}  # fmt: skip
