"""/proc/vmallocinfo: areas between VMALLOC_START and VMALLOC_END, by address (mm/vmalloc.c, s_show).

**Known deviations:** as where the machines were recorded, no disk's registers are mapped (pci_iomap_range,
__pci_enable_msix_range: ten areas of 8 KiB with two disks).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box


def show(box: Box) -> str:
    return box.vmalloc.info()
