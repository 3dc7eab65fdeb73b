"""Files of /proc whose text is a fact of the machine: its devices, the drivers that its kernel has. Path below /proc
→ text.
"""

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
_CHIPSET: tuple[tuple[str, str, str, dict[int, int], str], ...] = (
            ("0000", "80861237", "0", {}, ""), ("0008", "80867000", "0", {}, ""),
            ("0009", "80867010", "0", {0: 0x1F0, 1: 0x3F6, 2: 0x170, 3: 0x376, 4: 0xC101, 7: 8, 9: 8, 11: 0x10}, ""),
            ("000b", "80867113", "9", {}, ""))  # fmt: skip
_DISKS = tuple(
    (f"{0x10 + 8 * at:04x}", "1af41001", "ab"[at],
     {0: 0xC001 + 0x80 * at, 1: 0xFEBFE000 + 0x1000 * at, 4: 0xFEBF400C + 0x4000 * at, 7: 0x80, 8: 0x1000, 11: 0x4000},
     "virtio-pci") for at in range(2)
)  # fmt: skip


def _pci_devices() -> str:
    """/proc/bus/pci/devices: place, maker, interrupt, seven windows and their sizes, driver."""
    return "".join(
        f"{place}\t{maker}\t{irq}" + "".join(f"\t{windows.get(at, 0):16x}" for at in range(14)) + f"\t{driver}\n"
        for place, maker, irq, windows, driver in (*_CHIPSET, *_DISKS)
    )


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
    "bus/pci/devices": _pci_devices(),
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
    "bus/input/devices": _input_devices("sysrq kbd leds", (
        "100000 0 0 0", "4 2000002 3803078 f800d001 feffffdf ffefffff ffffffff fffffffe"), True),
    "bus/input/handlers": "N: Number=0 Name=kbd\nN: Number=1 Name=sysrq (filter)\nN: Number=2 Name=leds\n"
                          "N: Number=3 Name=evdev Minor=64\n",
    "key-users": "    0:     8 7/7 3/1000000 40/25000000\n",
    "keys": "01eb1ae5 I------     1 perm 1f030000     0     0 keyring   .dns_resolver: empty\n"
            "115b1fd9 I--Q---     1 perm 0c030000     0 65534 keyring   .user_reg: 2\n"
            "1cb4e044 I--Q---     1 perm 1f3f0000     0 65534 keyring   _uid_ses.0: 1\n" + _RINGS,
    "devices": f"{_CHARACTER_DEVICES}254 rtc\n\n{_BLOCK_DEVICES}",
    "misc": "126 cpu_dma_latency\n237 loop-control\n235 autofs\n183 hw_random\n127 vga_arbiter\n",
}
X86_64 = {
    **BOTH,
    "bus/input/devices": _input_devices("sysrq kbd", (
        "10000000000000 0", "402000002 3803078f800d001 feffffdfffefffff fffffffffffffffe"), False),
    "bus/input/handlers": "N: Number=0 Name=kbd\nN: Number=1 Name=sysrq (filter)\n",
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
