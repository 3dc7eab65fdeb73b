"""Help, man pages and the README's command table, all from the declarations."""

from __future__ import annotations

import textwrap

from memsh.shell.registry import REGISTRY, Command, Registry

TOPICS = (
    "user memory", "processes", "kernel memory", "views", "tools", "files", "text", "session", "teaching",
)  # fmt: skip


def by_topic(registry: Registry) -> dict[str, list[Command]]:
    """Commands under their topics, in the order that help shows; topics not listed above come last."""
    found: dict[str, list[Command]] = {topic: [] for topic in TOPICS}
    for name in sorted(registry.commands):
        declared = registry.commands[name]
        found.setdefault(declared.topic or "session", []).append(declared)
    return {topic: commands for topic, commands in found.items() if commands}


def overview(registry: Registry, width: int) -> str:
    """Every command on one screen, by topic."""
    lines = []
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
        lines.append(f"{usage}\n    {declared.summary}" if len(usage) > 26 else f"{usage:<27} {declared.summary}")
    return "\n".join(line[:width] if "\n" not in line else line for line in lines) + "\n"


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
