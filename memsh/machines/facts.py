"""Files of /proc whose text is a fact of the machine: its devices, the drivers that its kernel has. Path below /proc
→ text.
"""

from __future__ import annotations

from memsh.machines import crypto, netfacts, pci

_BLOCK_DEVICES = "Block devices:\n  1 ramdisk\n  7 loop\n254 virtblk\n259 blkext\n"
_CHARACTER_DEVICES = """\
Character devices:
  1 mem
  4 /dev/vc/0
  4 tty
  4 ttyS
  5 /dev/tty
  5 /dev/console
  5 /dev/ptmx
  7 vcs
 10 misc
 13 input
128 ptm
136 pts
202 cpu/msr
203 cpu/cpuid
"""
def _input_devices(handlers: str, keys: tuple[str, str], event: bool) -> str:
    """/proc/bus/input/devices: the power button and the keyboard."""
    events = ("event0 ", "event1 ") if event else ("", "")
    return f"""\
I: Bus=0019 Vendor=0000 Product=0001 Version=0000
N: Name="Power Button"
P: Phys=LNXPWRBN/button/input0
S: Sysfs=/devices/LNXSYSTM:00/LNXPWRBN:00/input/input0
U: Uniq=
H: Handlers=kbd {events[0]}
B: PROP=0
B: EV=3
B: KEY={keys[0]}

I: Bus=0011 Vendor=0001 Product=0001 Version=ab41
N: Name="AT Translated Set 2 keyboard"
P: Phys=isa0060/serio0/input0
S: Sysfs=/devices/platform/i8042/serio0/input/input1
U: Uniq=
H: Handlers={handlers} {events[1]}
B: PROP=0
B: EV=120013
B: KEY={keys[1]}
B: MSC=10
B: LED=7

"""


def _filesystems(words: str) -> str:
    """/proc/filesystems: `nodev` before those that need no block device; these have a + here. Beside the recorded ones
    it has the one that is mounted for the tracepoints, registered right behind debugfs."""
    words = words.replace("debugfs", "debugfs tracefs")
    return "".join(f"\t{word[1:]}\n" if word.startswith("+") else f"nodev\t{word}\n" for word in words.split())


_EXT4_OPTIONS = """\
rw
bsddf
nogrpid
block_validity
dioread_nolock
nodiscard
delalloc
nowarn_on_error
journal_checksum
barrier
auto_da_alloc
user_xattr
acl
noquota
resuid=0
resgid=0
errors=continue
commit=5
min_batch_time=0
max_batch_time=15000
stripe=0
data=ordered
inode_readahead_blks=32
init_itable=10
max_dir_size_kb=0
"""
BOTH = {
    "acpi/wakeup": "Device\tS-state\t  Status   Sysfs node\n",
    **{f"bus/pci/00/{place}": space for place, space in pci.configurations().items()},
    "bus/pci/devices": pci.devices(),
    "fs/ext4/vdb/mb_stats": "mballoc:\n\tmb stats collection turned off.\n"
                            '\tTo enable, please write "1" to sysfs file mb_stats.\n',
    "fs/ext4/vdb/options": _EXT4_OPTIONS,
    "fs/jbd2/vdb-8/info": "0 transactions (0 requested), each up to 8192 blocks\n",
    "consoles": "ttyS0                -W- (EC p a)    4:64\n",
    "dma": " 4: cascade\n",
    "execdomains": "0-0\tLinux           \t[kernel]\n",
    "locks": "",
    "tty/drivers": """\
/dev/tty             /dev/tty        5       0 system:/dev/tty
/dev/console         /dev/console    5       1 system:console
/dev/ptmx            /dev/ptmx       5       2 system
/dev/vc/0            /dev/vc/0       4       0 system:vtmaster
serial               /dev/ttyS       4 64-95 serial
pty_slave            /dev/pts      136 0-1048575 pty:slave
pty_master           /dev/ptm      128 0-1048575 pty:master
unknown              /dev/tty        4 1-63 console
""",
    "tty/ldiscs": "n_tty       0\ninput       2\nn_null     27\n",
}
_RINGS = """\
2883a3ce I------     1 perm 1f0b0000     0     0 keyring   .builtin_trusted_keys: empty
2ddd9752 I--Q---     2 perm 1f3f0000     0 65534 keyring   _uid.0: empty
"""
I386 = {
    **BOTH,
    **netfacts.I386,
    "crypto": crypto.I386,
    "bus/input/devices": _input_devices("sysrq kbd leds", (
        "100000 0 0 0", "4 2000002 3803078 f800d001 feffffdf ffefffff ffffffff fffffffe"), True),
    "bus/input/handlers": "N: Number=0 Name=kbd\nN: Number=1 Name=sysrq (filter)\nN: Number=2 Name=leds\n"
                          "N: Number=3 Name=evdev Minor=64\n",
    "filesystems": _filesystems(
        "sysfs tmpfs proc devtmpfs binfmt_misc debugfs sockfs pipefs ramfs devpts +ext3 +ext4 +ext2 +vfat +msdos "
        "autofs mqueue"),
    "key-users": "    0:     8 7/7 3/1000000 40/25000000\n",
    "keys": "01eb1ae5 I------     1 perm 1f030000     0     0 keyring   .dns_resolver: empty\n"
            "115b1fd9 I--Q---     1 perm 0c030000     0 65534 keyring   .user_reg: 2\n"
            "1cb4e044 I--Q---     1 perm 1f3f0000     0 65534 keyring   _uid_ses.0: 1\n" + _RINGS,
    "devices": f"{_CHARACTER_DEVICES}254 rtc\n\n{_BLOCK_DEVICES}",
    "misc": "126 cpu_dma_latency\n237 loop-control\n235 autofs\n183 hw_random\n127 vga_arbiter\n",
}
X86_64 = {
    **BOTH,
    **netfacts.X86_64,
    "crypto": crypto.X86_64,
    "bus/input/devices": _input_devices("sysrq kbd", (
        "10000000000000 0", "402000002 3803078f800d001 feffffdfffefffff fffffffffffffffe"), False),
    "bus/input/handlers": "N: Number=0 Name=kbd\nN: Number=1 Name=sysrq (filter)\n",
    "filesystems": _filesystems(
        "sysfs tmpfs proc cgroup cgroup2 cpuset devtmpfs binfmt_misc debugfs securityfs sockfs bpf pipefs ramfs "
        "hugetlbfs devpts +ext3 +ext2 +ext4 mqueue"),
    "key-users": "    0:     7 6/6 3/1000000 40/25000000\n",
    "keys": "0bb356a7 I--Q---     1 perm 1f3f0000     0 65534 keyring   _uid_ses.0: 1\n"
            "1cca3d8c I--Q---     2 perm 1f3f0000     0 65534 keyring   _uid.0: empty\n"
            "24739f34 I--Q---     1 perm 0c030000     0 65534 keyring   .user_reg: 2\n"
            "3de34d26 I------     1 perm 1f0b0000     0     0 keyring   .builtin_trusted_keys: empty\n",
    "mtrr": "reg00: base=0x080000000 ( 2048MB), size= 2048MB, count=1: uncachable\n",
    "devices": f"{_CHARACTER_DEVICES}253 rtc\n254 dax\n\n{_BLOCK_DEVICES}",
    "misc": "125 cpu_dma_latency\n237 loop-control\n228 hpet\n126 userfaultfd\n231 snapshot\n183 hw_random\n"
            "127 vga_arbiter\n",
    "modules": "",
}  # fmt: skip
