"""The kernel command line: what acts, what is handed to init, what this machine does not have (kernel/params.c,
init/main.c, fs/proc/proc_sysctl.c).

Known deviations: quotes on the command line are not looked at; a parameter that the kernel knows and memsh does not
have is told of, once, and does nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from memsh.linux.include.errno import KernelError
from memsh.linux.include.kern_levels import KERN_ERR, KERN_INFO, KERN_NOTICE
from memsh.linux.kernel import sysctl
from memsh.linux.kernel.cmdline import unused, words

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.config import Config

_ACTING = """
coredump_filter crashkernel debug default_hugepagesz dhash_entries hostname hugepages hugepagesz hugetlb_free_vmemmap
ihash_entries init_on_alloc init_on_free kernelcore log_buf_len loglevel maxcpus mem memmap mhash_entries movable_node
movablecore mphash_entries norandmaps nosmp nr_cpus numa numa_balancing panic panic_on_warn panic_print
print_fatal_signals quiet psi slab_merge slab_nomerge slub_debug slub_max_order slub_merge slub_min_objects
slub_min_order slub_nomerge stack_guard_gap sysrq_always_enabled thash_entries transparent_hugepage uhash_entries vdso
vsyscall
"""
ACTING = frozenset(_ACTING.split())
I386_ACTING = frozenset({"highmem", "vdso32", "vmalloc"})
_SYSCTLS = {"hostname": "kernel.hostname", "panic": "kernel.panic", "panic_on_warn": "kernel.panic_on_warn",
            "panic_print": "kernel.panic_print", "print-fatal-signals": "kernel.print-fatal-signals"}
_ALIASES = {"numa_zonelist_order": "vm.numa_zonelist_order",
            **{name: f"kernel.{name}" for name in (
                "hardlockup_all_cpu_backtrace", "hung_task_panic", "softlockup_all_cpu_backtrace")}}  # fmt: skip


def for_init(box: Box) -> tuple[list[str], list[str]]:
    """(arguments, environment) that init gets: what this kernel does not know (unknown_bootoption)."""
    arguments: list[str] = []
    environment: dict[str, str] = {}
    line = box.config.cmdline.split()
    for name, value in words(box.config):
        if (_known(box, name) and not unused(name, value)) or "." in name or name in _ALIASES:
            continue
        if value is None:
            arguments.append(name)
        else:
            environment[name] = f"{name}={value}"
    behind = line[line.index("--") + 1 :] if "--" in line else []
    return arguments + behind, list(environment.values())


def _known(box: Box, name: str) -> bool:
    return name.replace("-", "_") in {known.replace("-", "_") for known in box.model.parameters}


def not_modelled(box: Box) -> list[str]:
    """Parameters that the kernel knows, or that may be a module's, and that do nothing here."""
    acting = ACTING | (I386_ACTING if "HIGHMEM" in box.model.options else frozenset())
    found = dict.fromkeys(
        name for name, _ in words(box.config)
        if name.replace("-", "_") not in acting and (_known(box, name) or ("." in name and not _is_sysctl(name)))
    )  # fmt: skip
    return list(found)


def _is_sysctl(name: str) -> bool:
    return name.startswith(("sysctl.", "sysctl/"))


def print_unknown_bootoptions(box: Box) -> None:
    """What the log says of them, as soon as the command line was read."""
    for name, _ in words(box.config):
        if name == "sysrq_always_enabled":
            box.log.printk("sysrq: sysrq always enabled.", KERN_INFO)
    arguments, environment = for_init(box)
    line = box.config.cmdline.split()
    behind = len(line) - line.index("--") - 1 if "--" in line else 0
    told = arguments[: len(arguments) - behind] + environment
    if told:
        box.log.printk(f'Unknown kernel command line parameters "{" ".join(told)}", will be passed to user space.',
                       KERN_NOTICE)  # fmt: skip


def auto_init(config: Config) -> str:
    """`heap alloc:off, heap free:off` (mem_init: report_meminit)."""
    on = {name: config.flag(name) for name in ("init_on_alloc", "init_on_free")}
    return ", ".join(f"heap {name.rpartition('_')[2]}:{'on' if value else 'off'}" for name, value in on.items())


def do_sysctl_args(box: Box) -> None:
    """Parameters that set tunables, before init runs: sysctl.NAME=VALUE and those with names of their own."""
    for name, value in words(box.config):
        if name in _SYSCTLS and value is not None:
            _try(box, _SYSCTLS[name], value)
        elif name == "numa_balancing" and value in ("enable", "disable"):
            _try(box, "kernel.numa_balancing", str(int(value == "enable")))
        elif _is_sysctl(name) or name in _ALIASES:
            path = _ALIASES.get(name, name[7:])
            _process_sysctl_arg(box, path, value)


def _try(box: Box, name: str, value: str) -> None:
    try:
        sysctl.put(box, name, value)
    except KernelError:
        return


def _process_sysctl_arg(box: Box, param: str, value: str | None) -> None:
    """One of them; the log tells what could not be set."""
    if not value:
        return
    name = param.replace("/", ".")
    why = ""
    try:
        sysctl.put(box, name, value)
    except KernelError as error:
        why = {"ENOENT": "parameter not found", "EACCES": "permission denied (read-only?)",
               "EINVAL": "invalid value"}.get(error.code, "")  # fmt: skip
        text = f"Failed to set sysctl parameter '{param}={value}': {why}" if why else (
            f"Error -{error.code} writing to proc file to set sysctl parameter '{param}={value}'")  # fmt: skip
        box.log.printk(text, KERN_ERR)
