"""util-linux's own programs read the box, and print what memsh's tools of that name print, refusals and all."""

import re
import shutil
import subprocess

import pytest

from tests.commands.typed import Typed
from tests.mount.mounting import can_enter, entered, missing

NUMA = """lsmem
lsmem -a -b -o +NODE,ZONES
lsmem -S size,node -r
lsmem -J -b -o size,zones,NODE
lsmem -P --output-all
lsmem -n --summary=never
lsmem --summary -b
lsmem -o size,foo,node
lsmem -J -r
lsmem --sum=x
lsmem -s
chmem -d 100
chmem -d 0x0-0x1
chmem -b -d 3-1
chmem -v -z DMA -e -b 2-4
chmem -z Foo -e 128M
chmem -v -d 128M -z Normal
chmem -v -d 256M
chmem -v -e 128M -z DMA32
chmem -b -d 2-20
lsmem
choom -p 53
choom -n 500 -p 1
choom -n 2000 -p 1
choom -n 99999999999 -p 1
choom -p 99999
choom -n 5
choom -n 300 nocmd
choom true
mountpoint /proc
mountpoint -d /proc/
mountpoint /etc
mountpoint -q /nope
mountpoint /nope
mountpoint -x /dev/null
mountpoint --nofollow /proc/self
fincore /nope /
fincore /proc/meminfo
lsmod
lsmod x
findmnt
findmnt -i -t sysfs -o target
findmnt -J -R /sys
findmnt -T /etc -n
findmnt -O mode=755 -P -y -o MAJ:MIN,ID,OPTIONS
findmnt nope
findmnt -o x
lsblk
lsblk -J -b -a -I 1,254
lsblk -t -x RA
lsblk -e 254 -r -o NAME,SIZE,RO
lsblk -pndo NAME,MAJ:MIN
lsblk -I x
lsmem --help
chmem --help
fincore --help
choom --help
mountpoint --help
findmnt -d backward -l
findmnt -d foo
findmnt -N 1 -l
findmnt -N x
findmnt -N 999
findmnt --shadowed
findmnt --vfs-all -o TARGET,VFS-OPTIONS -l
findmnt --output-all -J /proc
findmnt -o FREQ -J /proc
findmnt -D -J /proc
findmnt -F /nope
findmnt -F /proc/mounts -l
findmnt -D -o TARGET
findmnt --pseudo
findmnt -t noproc,nosysfs
findmnt -w x
findmnt -b -o TARGET,SIZE,USE% /proc
findmnt --real -l
lsblk -o +SIZE
lsblk -d
lsblk -n
lsblk -z
lsblk -zJ
lsblk -M
lsblk -z -b
lscpu | grep -v -e Hypervisor -e type:
lscpu -x | grep -v -e Hypervisor -e type:
lscpu -B | grep -v -e Hypervisor -e type:
lscpu -e -J
lscpu -C -J
lscpu -C -J -B
lscpu -s /nope
lscpu -e -p
lscpu --output-all -e
lscpu --output-all -e -J
lscpu --output-all -p
lscpu --output-all -C
lscpu -C=ALLOC-POLICY,NAME -J
lscpu -z
lscpu --hierarchic
lscpu --help
lscpu -e=foo
lscpu -e=foo,cpu
lscpu -e=
lscpu -e=CACHE
lscpu -e=CACHE,CPU
lscpu -p=CACHE,ONLINE,POLARIZATION,BOGOMIPS
lscpu -p=CPU,CACHE
lscpu -p=mhz,maxmhz,scalmhz%,drawer
lscpu -e -J -a
lscpu -J -p
lscpu -e -c
lscpu -e -c -J
lscpu -p -c
lscpu -b
lscpu x
lscpu -V
lscpu -ye
"""
SEGMENTS = "id=$(shmget 1234 64k); shmat $id; shmget 0 8191; id=$(shmget 0 8191); shmat $id; ipcrm -m $id"
IPC = """lsipc
lsipc -m --time-format=iso
lsipc -m -i 0
lsipc -q
lsipc -s
lsipc -g
lsipc -m -b --time-format=iso
lsipc -m -e --time-format=iso
lsipc -m -J --time-format=iso
lsipc -J
lsipc -m -r --time-format=iso
lsipc -m -n --time-format=iso
lsipc -m -o KEY,ID,SIZE
lsipc -m -c --time-format=iso
lsipc -m -t --time-format=iso
lsipc -m -i 9
lsipc -m -i x
lsipc -l
lsipc -P -m --time-format=iso
lsipc -m --noheadings --time-format=iso
lsipc -g -b
lsipc -V
lsipc -q -i 1
lsipc -m -o FOO
lsipc -m -i 0 -J --time-format=iso
lsipc -m -i 0 -b
lsipc -g -m
lsipc -m -q --time-format=iso
lsipc -s -J
lsipc -m --newline --time-format=iso
lsipc -i 0
lsipc a
lsipc -m -i 0 -n --time-format=iso
lsipc -m -i 0 -c
lsipc -m -i 0 -r --time-format=iso
lsipc -g -o RESOURCE,LIMIT
lsipc --time-format=foo -m
lsipc -m -t --time-format=iso
lsipc -m -t --time-format=full
lsipc -m -J -r --time-format=iso
lsipc -m -e -J --time-format=iso
lsipc -m -l -J --time-format=iso
lsipc -m -n -J --time-format=iso
lsipc -m -n -r --time-format=iso
lsipc -g -i 1
lsipc -g -c
lsipc -g -t
lsipc -q -J
lsipc -g -q
lsipc -g -s
lsipc -m -o
lsipc -m -o=ID
lsipc -m -oID
lsipc -q -o LSPID
lsipc -m -o LSPID
lsipc -g -m -o ID
lsipc -g -m -J
lsipc -m -i 0 -o ID,SIZE,STATUS
lsipc -m -i 0 -e --time-format=iso
lsipc -m -i 0 -t
lsipc -m -o CUSER,CGROUP,USER,GROUP,STATUS,PERMS
lsipc -y -e -g
lsipc -s -o NSEMS,OTIME
lsipc -m -n -i 0 -b -o SIZE,ID
lsipc -g -e -b
lsipc -m -i --time-format=iso
lsipc -m -i 0 -J -t --time-format=iso
lsipc -m -i 1 -P
lsipc --help
"""
I386 = """lsmem
lsmem -o foo
chmem
lsmod
choom -p 53
lscpu -e
lscpu -e -J
lscpu -C -J
lscpu --output-all -p
"""


def told(text: str) -> list[list[str]]:
    """What each line said; the order of the two streams in it is nobody's."""
    return [sorted(part.splitlines()) for part in re.split(r"(?m)^@@@\n", text)]


@pytest.mark.parametrize(
    ("lines", "options"),
    [(NUMA, ("--arch", "x86_64", "--ram", "1G", "--nodes", "2", "--swap", "64M")), (I386, ("--ram", "64M")),
     (IPC, ("--arch", "x86_64", "--ram", "128M"))],
    ids=["nodes", "i386", "ipc"],
)  # fmt: skip
def test_as_the_real_programs(lines: str, options: tuple[str, ...]) -> None:
    programs = sorted({line.split()[0] for line in lines.splitlines()})
    absent = [program for program in programs if shutil.which(program) is None]
    if missing("a namespace", can_enter()) or missing(" ".join(absent), not absent):
        return
    if "2.38.1" not in subprocess.run(["choom", "-V"], capture_output=True, text=True, check=False).stdout:
        missing("util-linux 2.38.1", False)
        return
    script = "".join(f"{line} 2>&1; echo [$?]; echo @@@\n" for line in lines.splitlines())
    typed = Typed(*options)
    typed(SEGMENTS)
    theirs = told(entered(f"box '{SEGMENTS}' > /dev/null 2>&1\n{script}", *options).stdout)
    ours = told("".join(map(typed, script.splitlines(True))))
    for line, real, own in zip([*lines.splitlines(), ""], theirs, ours, strict=True):
        assert own == real, line
