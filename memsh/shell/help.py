"""Help, man pages and the README's command table, all from the declarations."""

from __future__ import annotations

import textwrap

from memsh.shell.registry import REGISTRY, Command, Registry

TOPICS = (
    "user memory", "processes", "kernel memory", "views", "tools", "files", "text", "session", "teaching",
)  # fmt: skip


FIRST = (
    ("malloc 200k", "memory for the process"), ("free $1", "and back again"),
    ("touch $1 16k", "access it: page faults"), ("fork", "duplicate the process"),
    ("kmalloc 64", "kernel memory, contiguous"), ("vmalloc 64k", "kernel memory, scattered"),
    ("alloc_pages 4", "a block of 16 pages"), ("cat /proc/buddyinfo", "free blocks by order"),
    ("cat /proc/slabinfo", "the slab caches"), ("slabtop", "the same, live, with totals"),
)  # fmt: skip
"""What a newcomer types first, in the words of an introduction to Linux memory."""


def by_topic(registry: Registry) -> dict[str, list[Command]]:
    """Commands under their topics, in the order that help shows; topics not listed above come last."""
    found: dict[str, list[Command]] = {topic: [] for topic in TOPICS}
    for name in sorted(registry.commands):
        declared = registry.commands[name]
        found.setdefault(declared.topic or "session", []).append(declared)
    return {topic: commands for topic, commands in found.items() if commands}


def first(width: int) -> list[str]:
    """The commands of FIRST with what they do, in two columns where there is room."""
    cells = [f"{line:<20}{told}" for line, told in FIRST]
    if width < 94:
        return [*cells, ""]
    return [*(f"{left:<47}{right}" for left, right in zip(cells[::2], cells[1::2], strict=True)), ""]


def overview(registry: Registry, width: int) -> str:
    """What to type first, then every command by topic."""
    lines = first(width)
    topics = by_topic(registry)
    indent = max(map(len, topics), default=0) + 2
    for topic, commands in topics.items():
        names = list(dict.fromkeys(command.name.partition(" ")[0] for command in commands))
        line, label = "", topic
        for name in names:
            if line and indent + len(line) + 1 + len(name) > width:
                lines.append(f"{label:<{indent}}{line}")
                line, label = "", ""
            line += f" {name}" if line else name
        lines.append(f"{label:<{indent}}{line}")
    told = "help COMMAND tells about one, with an example; man COMMAND tells all; help TOPIC lists one topic."
    lines += textwrap.wrap(told, max(20, width))
    return "\n".join(lines) + "\n"


def topic_list(commands: list[Command], width: int) -> str:
    """One line a command: usage and summary."""
    lines = []
    for declared in commands:
        usage = declared.usage()
        indent = " " * (28 if len(usage) <= 26 and width >= 60 else 4)
        told = textwrap.wrap(declared.summary, max(20, width - len(indent)), break_on_hyphens=False)
        if len(usage) < len(indent) - 1:
            lines.append(f"{usage:<{len(indent)}}{told.pop(0)}")
        else:
            lines.append(usage)
        lines += [indent + row for row in told]
    return "\n".join(lines) + "\n"


def short(declared: Command) -> str:
    """What `help COMMAND` says: usage, summary, arguments, example."""
    lines = [f"{declared.usage()}", f"    {declared.summary}"]
    explained = [param for param in declared.params if param.help or param.kind == "opt"]
    if explained:
        shown = [
            (", ".join(param.flags) + (f" {param.meta}" if param.takes_value else "") if param.flags else param.meta)
            for param in explained
        ]
        wide = max(map(len, shown)) + 2
        lines += [f"    {label:<{wide}}{param.help}".rstrip() for label, param in zip(shown, explained, strict=True)]
    lines += [f"    for example:  {line}" for line in declared.example]
    return "\n".join(lines) + "\n"


def manual(declared: Command) -> str:
    """What `man COMMAND` says: everything that was declared."""
    text = short(declared)
    if declared.doc:
        text += "\n" + "\n".join(f"    {line}".rstrip() for line in declared.doc.splitlines()) + "\n"
    return text


def command_table(registry: Registry = REGISTRY) -> str:
    """All commands as Markdown tables, one a topic, for the README."""
    parts = []
    for topic, commands in by_topic(registry).items():
        rows = [f"### {topic[:1].upper()}{topic[1:]}", "", "| command | does | for example |", "| --- | --- | --- |"]
        for declared in commands:
            example = declared.example[0].replace("|", "\\|") if declared.example else ""
            usage = declared.usage().replace("|", "\\|")
            rows.append(f"| `{usage}` | {declared.summary} | {f'`{example}`' if example else ''} |")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)
