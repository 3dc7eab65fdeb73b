"""/sys/kernel: the small attributes of the kernel itself (kernel/ksysfs.c, kernel/panic.c).

**Known deviations:** what may be written takes the value that it has, and no other; `notes`, `vmcoreinfo` and the
folders of interrupts and boot parameters are not there.
"""

from __future__ import annotations

from memsh.procfs.node import ProcFile
from memsh.procfs.sys_block import attribute

FILES: dict[str, ProcFile] = {
    "fscaps": attribute("1"), "oops_count": attribute("0"), "rcu_expedited": attribute("0", True),
    "rcu_normal": attribute("0", True), "uevent_seqnum": attribute("466"), "warn_count": attribute("0"),
}  # fmt: skip
