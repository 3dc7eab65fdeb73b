"""numactl -H and -s: the nodes, and the policy of the process that asks (numactl 2.0.16, numactl.c).

Known deviations: interleaving goes on at the first of its nodes, whatever the process took before; without a box no
command can be run under a policy, so the options that set one are refused here.
"""

from __future__ import annotations

import re

from memsh.procps.numastat import NODES, nodes
from memsh.procps.options import Grammar
from memsh.procps.processors import cpu_list
from memsh.procps.reader import Exit, Frames, ProcReader

USAGE = (
    "usage: numactl [--show | -s] [--hardware | -H]\n"
    "       numactl [--interleave= | -i <nodes>] [--preferred= | -p <node>] [--preferred-many= | -P <nodes>]\n"
    "               [--membind= | -m <nodes>] [--localalloc | -l]\n"
    "               [--physcpubind= | -C <cpus>] [--cpunodebind= | -N <nodes>] command args ...\n"
)
GRAMMAR = Grammar("numactl", "aHsV", {"all": "a", "hardware": "H", "show": "s", "version": "V"}, USAGE)


def frames(reader: ProcReader, argv: list[str], width: int = 80) -> Frames:
    """What numactl prints."""
    modes = ""
    operands: list[str] = []
    for option, _ in GRAMMAR.options(argv, operands):
        if option == "V":
            raise Exit(0, stdout="2.0.16\n")
        modes += option if option in "Hs" else ""
    if operands or not modes:
        raise GRAMMAR.fail()
    try:
        found = nodes(reader)
    except OSError:
        raise Exit(1, "No NUMA support available on this system.\n") from None
    yield _hardware(reader, found) if modes[-1] == "H" else _show(reader, found)


def _text(reader: ProcReader, path: str) -> str:
    try:
        return reader.read(path)
    except OSError:
        return ""


def _hardware(reader: ProcReader, found: list[int]) -> str:
    count = len(found)
    spelt = f"{found[0]}-{found[-1]}" if count > 1 and found[-1] - found[0] == count - 1 else ",".join(map(str, found))
    lines = [f"available: {count} nodes ({spelt})\n"]
    for node in found:
        here = f"{NODES}/node{node}"
        table = {m[1]: int(m[2]) for m in re.finditer(r"Node \d+ (\w+): +(\d+) kB", _text(reader, f"{here}/meminfo"))}
        cpus = cpu_list(_text(reader, f"{here}/cpulist"))
        lines.append(f"node {node} cpus:{''.join(f' {cpu}' for cpu in cpus)}\n")
        for label, name in (("size", "MemTotal"), ("free", "MemFree")):
            lines.append(f"node {node} {label}: {f'{table[name] >> 10} MB' if name in table else '<not available>'}\n")
    distances = {node: _text(reader, f"{NODES}/node{node}/distance").split() for node in found}
    if not all(distances.values()):
        return "".join(lines) + "No distance information available.\n"
    lines.append("node distances:\n")
    lines.append("node " + "".join(f"{node:>3} " for node in found) + "\n")
    for node in found:
        lines.append(f"{node:>3}: " + "".join(f"{word:>3} " for word in distances[node]) + "\n")
    return "".join(lines)


def _allowed(reader: ProcReader, label: str) -> list[int]:
    match = re.search(rf"^{label}:\s*(\S+)", _text(reader, "/proc/self/status"), re.MULTILINE)
    return cpu_list(match[1]) if match else []


def _show(reader: ProcReader, found: list[int]) -> str:
    """The policy of the process that asks."""
    online = cpu_list(_text(reader, "/sys/devices/system/cpu/online"))
    cpus = [cpu for cpu in _allowed(reader, "Cpus_allowed_list") or online if cpu in online]
    memory = [node for node in _allowed(reader, "Mems_allowed_list") or found if node in found]
    homes = [node for node in found if set(cpu_list(_text(reader, f"{NODES}/node{node}/cpulist"))) & set(cpus)]

    def row(label: str, numbers: list[int]) -> str:
        return f"{label}: " + "".join(f"{number} " for number in numbers) + "\n"

    policy, nodes = _policy(reader)
    first = f"{nodes[0]}" if nodes else ""
    preferred = {"default": "current\n", "interleave": f"{first} (interleave next)\n", "local": "",
                 "preferred-many": "0 (preferred-many)\n"}  # fmt: skip
    masked = row("interleavemask", nodes) + f"interleavenode: {first}\n" if policy == "interleave" else ""
    return (
        f"policy: {policy}\npreferred node: {preferred.get(policy, first + chr(10))}" + masked
        + row("physcpubind", cpus) + row("cpubind", homes) + row("nodebind", homes)
        + row("membind", nodes if policy == "bind" else memory) + row("preferred", nodes)
    )  # fmt: skip


def _policy(reader: ProcReader) -> tuple[str, list[int]]:
    """The process's policy and its nodes, as an area that has none of its own shows it: the stack."""
    line = re.search(r"^\S+ (\w+(?: \(many\))?)(?::(\S+))? stack", _text(reader, "/proc/self/numa_maps"), re.MULTILINE)
    if line is None:
        return "default", []
    names = {"prefer": "preferred", "prefer (many)": "preferred-many"}
    return names.get(line[1], line[1]), cpu_list(line[2] or "")
