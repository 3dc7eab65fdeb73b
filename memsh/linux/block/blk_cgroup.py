"""What groups of tasks asked of the disks (block/blk-cgroup.c): io.stat of a group below the root.

A request counts for the nearest group that has the controller `io`: that of the task that reads, that of the memory
that is written; and for all above it.

Known deviations: a removed group's requests are forgotten with it where it was the only one with the controller.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memsh.linux.box import Box
    from memsh.linux.include.cgroup import Cgroup

SWAP_DISK, FS_DISK = (254, 0), (254, 16)
_PAGE = 4096


class IoStat:
    """A group's part: of each device that it used, bytes read and written, requests to read and to write. `devices`
    has the first one first."""

    __slots__ = ("devices",)

    def __init__(self) -> None:
        self.devices: dict[tuple[int, int], list[int]] = {}

    def text(self) -> str:
        """io.stat: the device used last for the first time comes first."""
        return "".join(
            f"{major}:{minor} rbytes={rbytes} wbytes={wbytes} rios={rios} wios={wios} dbytes=0 dios=0\n"
            for (major, minor), (rbytes, wbytes, rios, wios) in reversed(self.devices.items())
        )


class BlkCgroups:
    """`box.disk.blkcg`: who is told of a request on its way. `groups` have the controller."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.groups = 0

    def _bio_start(self, group: Cgroup | None, device: tuple[int, int], write: bool, pages: int, bios: int) -> None:
        while group is not None:
            if group.io is not None:
                counts = group.io.devices.setdefault(device, [0, 0, 0, 0])
                counts[write] += pages * _PAGE
                counts[2 + write] += bios
            group = group.parent

    def current(self, pages: int, dev: tuple[int, int], *, write: bool = False) -> None:
        """Whoever runs asks a disk."""
        if self.groups:
            self._bio_start(self.box.current.cgroup, dev, write, pages, 1)

    def swap_in(self, pages: int, dev: tuple[int, int]) -> None:
        """Whoever runs reads from swap: each page is a request of its own to the group."""
        if self.groups:
            self._bio_start(self.box.current.cgroup, dev, False, pages, pages)

    def write_back(self, pfns: list[int], dev: tuple[int, int]) -> None:
        """Pages of a file are written, for the group whose memory they are (wb_get_create)."""
        if self.groups:
            self._bio_start(self._payer(pfns[0]), dev, True, len(pfns), 1)

    def swap_out(self, pfns: list[int], dev: tuple[int, int]) -> None:
        """Each for the group whose memory it is (bio_associate_blkg_from_page)."""
        if self.groups:
            for pfn in pfns:
                self._bio_start(self._payer(pfn), dev, True, 1, 1)

    def _payer(self, pfn: int) -> Cgroup | None:
        number = self.box.memmap.memcg[pfn]
        return self.box.memcg.by_number[number].cgroup if number else None
