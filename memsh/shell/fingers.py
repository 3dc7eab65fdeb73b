"""C fingers are helped, not punished: what was typed as C is answered with the line to type here."""

from __future__ import annotations

import re

from memsh.lazy import regular
from memsh.shell.errors import ShellError
from memsh.shell.registry import Registry
from memsh.shell.syntax import AndOr, AnyWord, Assign, Line, Node, Pipeline, Series, Simple

_CALL = regular(
    r"\s*(?:(?:const\s+)?(?:void|char|int|size_t|struct\s+\w+)\s*\**\s*)?(?:\*?(\w+)\s*=\s*)?(?:\([^()]*\*\)\s*)?(\w+)\s*\((.*?)\)\s*;?\s*"
)
_FLAG = regular(r"[~!]?_*(GFP|PROT|MAP|MADV|MREMAP|SLAB)_\w+")
ABSENT = {
    "fg": "jobs work while the box's clock moves: sleep, wait", "suspend": "there is no job control",
    "bg": "jobs work while the box's clock moves: sleep, wait",
    "logout": "use exit", "bind": "man prompt tells the keys",
}  # fmt: skip
_CAST = regular(r"\((?:void|char|int|size_t|unsigned|long|struct \w+)[ \w]*\**\)\s*")


def _quoted(word: str) -> str:
    word = _CAST.sub("", word.strip())
    if word == "NULL":
        return "0"
    return f"'{word}'" if re.search(r"[|&~;<>() ]", word) and '"' not in word and "'" not in word else word


def in_text(registry: Registry, line: str) -> str:
    """The help for a line that does not parse, "" if no part of it looks like C."""
    parts = (_in_part(registry, part) for part in (line, *re.split(r";|&&|\|\|", line)))
    return next((hint for hint in parts if hint), "")


def _in_part(registry: Registry, line: str) -> str:
    match = _CALL.fullmatch(line)
    if match is None or not registry.knows(match[2]) or match[2] in ("if", "while", "for"):
        return ""
    variable, name, inside = match.groups()
    words = [_quoted(word) for word in inside.split(",")] if inside.strip() else []
    if words[1:] and name == "calloc":
        words = words[:2]
    call = " ".join([name, *words])
    return f"this is a shell: type  {variable}=$({call})" if variable else f"this is a shell: type  {call}"


def unknown(registry: Registry, name: str, stage: Simple | None) -> str:
    """`NAME: command not found`, with what may have been meant."""
    words = stage.words if stage is not None else []
    plain = [_spelt(word) for word in words]
    if len(plain) > 1 and plain[1] == "=" and name.isidentifier():
        value = " ".join(plain[2:])
        if plain[2:] and registry.knows(plain[2]):
            value = f"$({value})"
        return f"{name}: command not found: to set a variable type  {name}={value}"
    if name in ABSENT:
        return f"{name}: not in this shell: {ABSENT[name]}"
    close = registry.like(name)
    hint = f" (did you mean {' or '.join(close)}?)" if close else " (help lists what there is)"
    return f"{name[:80]}: command not found{hint}"


def in_pipeline(registry: Registry, node: Pipeline, error: ShellError) -> ShellError:
    """`mmap 4k PROT_READ|PROT_WRITE` unquoted: the line to type instead of "command not found"."""
    flags = [_first(stage) for stage in node.stages[1:]]
    before = node.stages[0]
    if error.status != 127 or not isinstance(before, Simple) or not flags or not all(map(_FLAG.fullmatch, flags)):
        return error
    words = [_spelt(word) for word in before.words]
    if not words or not _FLAG.fullmatch(words[-1].rpartition("&")[2]):
        return error
    behind = [word for stage in node.stages[1:] if isinstance(stage, Simple) for word in stage.words[1:]]
    tail = "".join(f" {word}" for word in behind if isinstance(word, str))
    joined = "|".join([words[-1], *flags])
    return ShellError(f"{words[0]}: | joins commands here: type  {' '.join(words[:-1])} '{joined}'{tail}", 2)


def in_line(registry: Registry, line: Line) -> str:
    """`kmalloc 64 GFP_KERNEL&~__GFP_IO` unquoted would start a job and then call a flag: refuse the whole line."""
    if "&" not in line.text or not isinstance(line.program, Series):
        return ""
    items = line.program.items
    for i in range(len(items) - 1):
        name = _first(items[i + 1][0])
        if items[i][1] and _FLAG.fullmatch(name) and not registry.knows(name):
            words = _words(items[i][0])
            joined = f"{words[-1] if words else ''}&{name}"
            return f"{words[0] if words else '&'}: & starts a job here: type  {' '.join(words[:-1])} '{joined}'"
    return ""


def _words(node: Node) -> list[str]:
    while isinstance(node, (Pipeline, AndOr)):
        node = node.stages[-1] if isinstance(node, Pipeline) else node.first
    return [_spelt(word) for word in node.words] if isinstance(node, Simple) else []


def _first(node: Node) -> str:
    """The first word of a node's first command, "" if it is not a plain one."""
    while isinstance(node, (Pipeline, AndOr)):
        node = node.stages[0] if isinstance(node, Pipeline) else node.first
    return _spelt(node.words[0]) if isinstance(node, Simple) and node.words else ""


def _spelt(word: AnyWord | Assign) -> str:
    """A word as it was typed, as far as it is told: "…" for what would be expanded."""
    if isinstance(word, str):
        return word
    if isinstance(word, Assign):
        return f"{word.name}=…"
    plain = {"text": "", "tilde": "~"}
    return "".join(plain[part[0]] + part[1] if part[0] in plain else "…" for part in word.parts)
