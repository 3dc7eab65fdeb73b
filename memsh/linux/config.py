"""What the box is made of: a frozen description, all sizes in bytes.

Source of the defaults: the recorded machine (i386, no PAE, HIGHMEM4G, SLAB).
"""

from dataclasses import dataclass

MIB = 1 << 20
GIB = 1 << 30
RAM_MIN, RAM_MAX = 32 * MIB, 4 * GIB


@dataclass(frozen=True, slots=True)
class Config:
    """One machine. `cmdline` is the kernel command line as typed; boot parses `vmalloc=` and `highmem=` out of it."""

    ram: int = GIB
    cpus: int = 1
    swap: int = 0
    cmdline: str = "vmalloc=106488K"
    age: int = 0  # seconds of everyday churn before the first command

    def __post_init__(self) -> None:
        if not RAM_MIN <= self.ram <= RAM_MAX:
            raise ValueError(f"RAM must be from 32M to 4G, not {self.ram} bytes")
        if not 1 <= self.cpus <= 8:
            raise ValueError(f"CPUs must be from 1 to 8, not {self.cpus}")
        if not 0 <= self.swap <= 64 * GIB:
            raise ValueError(f"swap must be from 0 to 64G, not {self.swap} bytes")

    def parameter(self, name: str) -> str | None:
        """The value of `name=value` on the command line (the last one counts), "" for a bare word, None if absent."""
        found = None
        for word in self.cmdline.split():
            key, _, value = word.partition("=")
            if key == name:
                found = value
        return found
