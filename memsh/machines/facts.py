"""Files of /proc whose text is a fact of the machine: the drivers that its kernel has. Path below /proc → text."""

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
BOTH = {
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
I386 = {
    **BOTH,
    "devices": f"{_CHARACTER_DEVICES}254 rtc\n\n{_BLOCK_DEVICES}",
    "misc": "126 cpu_dma_latency\n237 loop-control\n235 autofs\n183 hw_random\n127 vga_arbiter\n",
}
X86_64 = {
    **BOTH,
    "devices": f"{_CHARACTER_DEVICES}253 rtc\n254 dax\n\n{_BLOCK_DEVICES}",
    "misc": "125 cpu_dma_latency\n237 loop-control\n228 hpet\n126 userfaultfd\n231 snapshot\n183 hw_random\n"
            "127 vga_arbiter\n",
    "modules": "",
}  # fmt: skip
