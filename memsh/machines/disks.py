"""How fast the machines' disks are.

The recorded machines are emulated ones, whose times are the host's: what /proc/diskstats of their captures has for a
read differs eightfold between them. The quietest (i386, one processor, nothing else running) took 403 µs for one of 20
pages on average, the time in the queue included; a machine of two processors 415 µs for read-ahead's 32. A solid-state
disk of 100 µs and 512 MB a second takes 260 and 356. Of 993 answers recorded while pages went to the disk, 944 are met
at this pace; at 250 µs and 136 MB a second, for which the swap-out of huge pages speaks, 930.
"""

from __future__ import annotations

from memsh.linux.include.model import DiskSpeed

SOLID_STATE = DiskSpeed(latency_usec=100, page_usec=8)
