"""/proc/cpuinfo: the recorded processor, once for each CPU (arch/x86/kernel/cpu/proc.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box

BUGS = "cpu_meltdown spectre_v1 spectre_v2 spec_store_bypass l1tf mds swapgs itlb_multihit mmio_unknown bhi its"


def show(box: Box) -> str:
    cpus = box.config.cpus
    hyper = " ht" if cpus > 1 else ""
    flags = f"fpu de pse tsc msr pae mce cx8 apic sep pge cmov mmx fxsr sse sse2{hyper} cpuid pni hypervisor"
    blocks = []
    for cpu in range(cpus):
        rows = (
            ("processor", cpu), ("vendor_id", "GenuineIntel"), ("cpu family", 6), ("model", 6),
            ("model name", "QEMU Virtual CPU version 2.5+"), ("stepping", 3), ("microcode", "0x1"),
            ("cpu MHz", "2596.104"), ("cache size", "16384 KB"), ("physical id", 0), ("siblings", cpus),
            ("core id", cpu),
            ("cpu cores", cpus), ("apicid", cpu), ("initial apicid", cpu), ("fdiv_bug", "no"), ("f00f_bug", "no"),
            ("coma_bug", "no"), ("fpu", "yes"), ("fpu_exception", "yes"), ("cpuid level", 4), ("wp", "yes"),
            ("flags", flags), ("bugs", BUGS), ("bogomips", "5192.20"), ("clflush size", 32), ("cache_alignment", 32),
            ("address sizes", "36 bits physical, 32 bits virtual"),
        )  # fmt: skip
        blocks.append("".join(_row(name, str(value)) for name, value in rows) + "power management:\n\n")
    return "".join(blocks)


def _row(name: str, value: str) -> str:
    """The colon stands at the third tab stop; a longer name takes one tab."""
    tabs = "\t" if len(name) > 7 else "\t\t"
    return f"{name}{tabs}: {value}\n"
