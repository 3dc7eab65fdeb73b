"""A generator of lines: every command that is declared, with arguments valid and hostile, within the language's own
constructs. The same seed gives the same lines."""

from __future__ import annotations

import random

from memsh.shell.registry import Command, Param, Registry
from memsh.shell.values import address, count, size, wide_size

# what would wait for a person, ask or write the host, or never be the same again
LEFT_OUT = frozenset([
    "record", "lesson", "tour", "quiz", "pause", "exit", "quit", "exec", "less", "more", "save", "procdump",
    "source", ".", "reset", "plot", "man",
])  # fmt: skip
SLOW = frozenset([
    "age", "compare", "diff", "redo", "restore", "undo", "snapshot", "owner", "explain", "stress", "fragment",
    "check", "display", "pane", "stopped", "timeout", "watch", "top", "slabtop", "vmstat", "split_rss",
])  # fmt: skip
SIZES = [
    "0", "1", "7", "64", "4095", "4096", "4097", "4k", "100k", "1M", "3M", "16M", "1G", "2G", "4G", "1T",
    "0x1000",
]  # fmt: skip
HOSTILE = [
    "", "-1", "-0", "0x", "1e9", "1e999", "inf", "nan", "٣", "²", "9" * 30, "9" * 5000, "-" + "9" * 25, "0b1",
    "1.5", "1k1", "k", "4kk", "+", "-", "--", "--help", "-h", "--nosuch", "-Z", "*", "?", "[", "[a", "~", "$",
    "${", "a b", "a=b", "é", "\u202eabc", "\x1b[31mred", "\x07", "\udc80", "%n%s%d", "%999999d", "/" * 300,
    "a" * 300, "0xffffffffffffffffff", "\\", "!", "#x", "..", "$'\\x00'", "{1..5}", "{a,b}", "$(echo 1)",
    "$((1/0))", "$((2**70))", "${x:?}", "1_0", " 5", "99999999", "-99999999999999999999", "%", "%1$s", "0o7", "1e5",
    "$'\\xff'", "\\(a*\\)*\\(a*\\)*b", "+(a|aa)b", "-9223372036854775808", "1,2,-3", "5-", "0-99999999999", "@",
]  # fmt: skip
NUMBERS = [
    "0", "1", "2", "3", "10", "11", "100", "4096", "65535", "1000000", "4294967295", "4294967296", "-1",
]  # fmt: skip
ADDRESSES = [
    "$", "$1", "$2", "$3", "$x", "$y", "0", "0x1000", "0xb7ff0000", "0xc0000000", "0xffffffff", "$+4k", "$x+1",
    "0x8048000", "0xffff888000000000", "0x7ffff7ff0000", "$x-4k",
]  # fmt: skip
PATHS = [
    "/proc/meminfo", "/proc/self/maps", "/proc/slabinfo", "/proc/1/status", "/proc", "/", "/tmp", "/tmp/a",
    "/tmp/b", "/tmp/c/d", ".", "..", "nosuch", "-", "/dev/null", "/dev/zero", "/dev/vda", "/proc/self/fd/0",
    "/dev/stdin", "a", "/sys", "/proc/sys/vm/swappiness", "/proc/sys/vm/drop_caches", "/etc/passwd", "/tmp/c",
    "/proc/self/mem",
]  # fmt: skip
WORDS = [
    "a", "b", "x", "abc", "1", "2", "root", "init", "dentry", "kmalloc-64", "Normal", "DMA", "HighMem",
    "vm.swappiness", "vm.swappiness=10", "x=1", "y=$x", "+%s", "SIGKILL", "KILL", "-9", "%1", "a.out", "on",
    "off", "MemFree", "all",
]  # fmt: skip
PATTERNS = [
    "a", "[a-c]*", "^x", "(a*)*b", "x$", ".", "\\(a\\)\\1", "[[:alpha:]]+", "(", "*", "a{2,3}", "a\\{99999\\}",
    "\\", "[", "(a|b)*c", "s/a/b/", "s/\\(.\\)/\\1\\1/g", "p", "$!d", "1,3p", "y/ab/cd/", "{print $1}",
    "BEGIN{print 1/3}", "{n+=$2} END {print n}", "BEGIN{while(i++<5) print i}", "NR==2", "{",
    "BEGIN{printf \"%c%d\\n\", 65, \"x\"}",
]  # fmt: skip
OPENERS = [
    "malloc 100k", "x=$(mmap 64k)", "y=$(kmalloc 64)", "touch $ 64k", "fork", "x=1", "y=abc",
    "echo hi > /tmp/a", "run a.out", "seq 20 > /tmp/b", "mkdir /tmp/c", "a=(1 2 3)", "declare -A m",
    "f() { echo f $#; return 3; }", "set -- 1 2 3", "cd /proc", "cd /", "alloc_pages 2", "vmalloc 20k",
    "trap 'echo trapped' EXIT", "alias ll='ls -l'", "set -e", "set +e", "shopt -s extglob", "set -u", "set +u",
    "switch 1", "snapshot s", "sleep 1", "wait", "jobs", "kill %1", "as 1 malloc 4k",
    "mkdir /sys/fs/cgroup/g", "echo +memory > /sys/fs/cgroup/cgroup.subtree_control", "rmdir /sys/fs/cgroup/g",
    "echo 0 > /sys/fs/cgroup/g/cgroup.procs", "echo 3M > /sys/fs/cgroup/g/memory.max", "cgtree",
    "echo 1M > /sys/fs/cgroup/g/memory.high", "echo 53 > /sys/fs/cgroup/cgroup.procs",
    "echo 4 > /proc/sys/vm/nr_hugepages", "p=$(mmap 4M rw hugetlb); touch $p 4M", "echo 0 > /proc/sys/vm/nr_hugepages",
    "echo always > /sys/kernel/mm/transparent_hugepage/enabled", "x=$(mmap 4M); madvise $x 4M hugepage; touch $x 4M",
    "thread", "thread; malloc 1k; switch 53", "vfork; malloc 5; _exit", "memfd m 1M", "shmget 7 1M; y=$(shmat $)",
    "mkdir /ram; mount -t tmpfs -o size=1M ram /ram", "seq 9999 > /ram/f", "umount /ram", "exec 3> /tmp/o; echo 1 >&3",
    "exec 3>&-; exec 4< /tmp/b; read -r x <&4", "echo 'malloc 5; sleep 1; f 1; return 2; echo no' > /tmp/src",
    "source /tmp/src a b", ". /tmp/src && malloc 3", "source /tmp/src & sleep 1", "alias aa='bb x; malloc 5' bb='f '",
    "aa", "aa | cat; unalias aa", "cat > /tmp/h <<-E\n\tx $x\n\tE", "while read -r l; do malloc 1k; done <<E\na\nb\nE",
    "numactl --interleave=all malloc 1M", "taskset -c 1 malloc 4k", "set_mempolicy interleave 0-1",
    "x=$(mmap 1M); mbind $x 64k bind 1; touch $x 1M", "mkswap /dev/vda; swapon /dev/vda", "swapoff -a",
    "ulimit -v 20000", "ulimit -v unlimited", "ulimit -n 8", "plain on", "plain off", "trace on", "trace off",
    "delta on", "delta off", "display free", "undisplay", "mlockall current", "munlockall", "trap 'y=dbg' DEBUG",
    "trap - DEBUG ERR EXIT", "trap 'malloc 9' USR1; kill -USR1 $$", "(while sleep 1; do malloc 4k; done) & sleep 3",
    "p=$(mmap 8M); write $p 8M; madvise $p 8M pageout", "echo 3 > /proc/sys/vm/drop_caches", "heard 'x=$?' 3 7 w 1 0",
    "stress --vm 1 --vm-bytes 2M -t 1", "age 5s", "f 5 || return",
    "declare -n r=x; r=5", "coproc cat", "select q in a; do :; done < /tmp/b",
    "echo 1 >&${COPROC[1]}; read -r x <&${COPROC[0]}", "echo hi > /tmp/p", "timeout 2 cat /tmp/p",
    "declare -n r=a; r[1]=4; unset -n r", "sleep 9 & disown", "disown -a; jobs", "fc -s x=y", "fc -l | tail -3",
    "echo 1 > /sys/kernel/mm/ksm/run", "p=$(mmap 256k); fill $p 4k; madvise $p 256k mergeable; sleep 3",
    "echo 2 > /sys/kernel/mm/ksm/run; sleep 1", "nice -n 5 malloc 9", "renice 3 53", "chrt -f -p 9 53", "chrt -p 53",
    "lsmem", "chmem -d 128M", "chmem -e 128M", "echo offline > /sys/devices/system/memory/memory0/state",
    "for m in /sys/devices/system/memory/memory*/state; do echo offline > $m; done",
    "for m in /sys/devices/system/memory/memory*/state; do echo online > $m; done", "findmnt", "findmnt -l /tmp",
    "fallocate -l 300k /sw; mkswap /sw; swapon /sw", "swaplabel -L lbl /sw", "swaplabel /sw",
    "echo 50 1 > $(ls -d /sys/kernel/debug/shrinker/*/scan | head -1)", "cat /sys/kernel/debug/shrinker/*/count",
    "echo 1 > /sys/kernel/tracing/events/kmem/enable; malloc 9k; cat /sys/kernel/tracing/trace | tail -3",
    "echo 'size > 64' > /sys/kernel/tracing/events/kmem/kmalloc/filter", "echo > /sys/kernel/tracing/trace",
    "echo 'hist:keys=call_site' > /sys/kernel/tracing/events/kmem/kmalloc/trigger", "taskset -c 1 touch $x 64k",
    "taskset -cp 1 53", "dd if=/dev/urandom of=/dev/loop0 bs=512 count=1", "echo x > /dev/kmsg", "cat /dev/vcs | wc",
    "losetup -f --show /tmp/b", "losetup -d /dev/loop0", "mkfifo /tmp/p; cat /tmp/p & echo x > /tmp/p",
    "exec 5<> /tmp/p; echo y >&5; read -t 1 q <&5", "history -w /tmp/h; history -c", "set -o history; history 3",
]  # fmt: skip
FILES = [
    "/proc/sys/vm/*", "/proc/sys/kernel/*", "/proc/sys/fs/*", "/proc/self/*", "/proc/1/*", "/sys/kernel/mm/*/*",
    "/sys/kernel/mm/*/*/*", "/sys/kernel/tracing/*", "/sys/kernel/tracing/events/*/*/*", "/sys/kernel/debug/*",
    "/sys/kernel/debug/*/*/*", "/sys/devices/system/memory/*", "/sys/devices/system/memory/*/*",
    "/sys/devices/system/node/*/*", "/sys/devices/system/cpu/*", "/sys/devices/system/cpu/*/*", "/sys/kernel/slab/*/*",
    "/sys/block/*/queue/*", "/sys/block/*/*", "/sys/module/*/parameters/*", "/sys/fs/cgroup/*", "/sys/fs/cgroup/*/*",
    "/sys/power/*", "/sys/class/*/*/*", "/sys/bus/*/*", "/proc/irq/*/*", "/dev/*", "/dev/*/*",
]  # fmt: skip
TOLD = [
    "online", "offline", "online_movable", "always", "madvise", "never", "defer", "kmem", "!kmalloc", "kmem:kmalloc",
    "hist:keys=ptr", "stacktrace:3", "enable_event:kmem:kfree", "nop", "function", "0-1", "+memory -pids", "max", "1 2",
    "4096 0 1", "dentry 9 9 9", "madvise always", "mem", "disk", "none", "10%", "0 0 0 0", "a" * 5000,
]  # fmt: skip


OPERATORS = ["+", "*", "/", "%", "**", "<<", ">", "?", ","]


class Lines:
    """An endless source of lines for one registry and seed."""

    def __init__(self, registry: Registry, seed: object) -> None:
        self.random = random.Random(str(seed))
        self.commands = [command for name, command in sorted(registry.commands.items())
                         if name.partition(" ")[0] not in LEFT_OUT]  # fmt: skip
        self.commands += [command for name, (command, _) in sorted(registry.shared.items()) if name not in LEFT_OUT]

    def pick(self, words: list[str]) -> str:
        return self.random.choice(words)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    # words

    def word(self, param: Param) -> str:
        """A word for a parameter: of its kind nine times of ten."""
        if self.chance(0.1):
            return self.quoted(self.pick(HOSTILE))
        if param.choices:
            return self.pick(list(param.choices))
        if param.type is address:
            return self.pick(ADDRESSES)
        if param.type in (size, wide_size):
            return self.pick(SIZES)
        if param.type is count:
            return self.pick(NUMBERS)
        if param.words == "path":
            return self.pick(PATHS)
        if param.type is not None and param.type is not str:
            return self.pick([*NUMBERS, *SIZES, *WORDS])
        return self.quoted(self.pick(self.pick_list()))

    def pick_list(self) -> list[str]:
        return self.random.choice([WORDS, WORDS, PATHS, NUMBERS, SIZES, ADDRESSES, PATTERNS])

    def quoted(self, word: str) -> str:
        """In quotes now and then, and where it would not be one word."""
        if self.chance(0.7) and word and not set(word) & set(" ;&|<>(){}'\"\\#*?[!`\n"):
            return word
        return "'" + word.replace("'", "'\\''") + "'"

    def simple(self) -> str:
        """One command with its words."""
        command = self.random.choice(self.commands)
        if command.name.partition(" ")[0] in SLOW and not self.chance(0.15):
            command = self.random.choice(self.commands)
        words = [command.name]
        for param in command.params:
            words += self.words_for(command, param)
        if self.chance(0.05):
            words.append(self.quoted(self.pick(HOSTILE)))
        if self.chance(0.03) and len(words) > 1:
            self.random.shuffle(words)
        return " ".join(words)

    def words_for(self, command: Command, param: Param) -> list[str]:
        if param.kind == "opt":
            if not self.chance(2.5 / max(3, len(command.params))):
                return []
            flag = self.random.choice(param.flags)
            if not param.takes_value:
                return [flag]
            value = self.word(param)
            return [f"{flag}={value}"] if flag.startswith("--") and self.chance(0.5) else [flag, value]
        if param.kind == "arg":
            return [self.word(param)] if param.required or self.chance(0.6) else []
        if param.words == "command" or param.meta.startswith("COMMAND"):
            return [self.simple()] if self.chance(0.8) else []
        return [self.word(param) for _ in range(self.random.choice([0, 1, 1, 2, 2, 3]))]

    # lines

    def line(self) -> str:
        kind = self.random.random()
        if kind < 0.25:
            return self.pick(OPENERS)
        if kind < 0.3:
            return self.store()
        if kind < 0.7:
            return self.simple()
        return self.construct(0)

    def store(self) -> str:
        """Something written into a few files of the system, or into many of them."""
        word = self.pick([*TOLD, *NUMBERS, *HOSTILE])
        folder, _, name = self.pick(FILES).rpartition("/")
        letters = self.pick(["", "[a-c]", "[d-k]", "[l-n]", "[o-r]", "[s-z]", "[a-m]*[a-m]", "[n-z]*[a-m]"])
        return f"echo {self.quoted(word)} | tee {folder}/{letters}{name} > /dev/null"

    def construct(self, depth: int) -> str:
        """A construct of the language around commands, never one that loops without end."""
        if depth > 2:
            return self.simple()
        a, b = (self.construct(depth + 1) if self.chance(0.3) else self.simple() for _ in range(2))
        quoted, numbers = self.quoted(a), (self.pick(NUMBERS), self.pick(NUMBERS))
        word, path, n = self.quoted(self.pick([*WORDS, *HOSTILE])), self.pick(PATHS), self.random.randint(0, 4)
        return self.pick([
            f"{a} | {b}", f"{a} && {b}", f"{a} || {b}", f"{a}; {b}", f"( {a} )", f"{{ {a}; }}", f"! {a}",
            f"x=$({a})", f"for i in 1 2 {word}; do {a}; done", f"for ((i=0;i<{n};i++)); do {a}; done",
            f"if {a}; then {b}; fi", f"i=0; while ((i++<{n})); do {a}; done",
            f"case {word} in a*) {a};; *) {b};; esac", f"{a} > /tmp/a", f"{a} >> {path}", f"{a} < {path}",
            f"{a} 2>&1 | head -3", f"{a} &", f"sleep 2 & {a}; wait", f"f() {{ {a}; }}; f {word}",
            f"cat <<END\n{word} $x $(echo 1)\nEND", f"{a} <<< {word}", f"eval {quoted}",
            f"stopped {n * 7} {quoted}",
            f"echo ${{x{self.pick(['', ':-', '#', '##', '%', '/', '^', ':', '@'])}{self.pick(['', 'a', '*', '1'])}}}",
            f"echo $(({numbers[0]} {self.pick(OPERATORS)} {numbers[1]}))",
            f"[[ {word} {self.pick(['==', '=~', '<', '-eq', '-nt'])} {word} ]]", f"trap {quoted} ERR",
            f"a[{n}]={word}", f"as 1 {a}", f"explain -n {a}", f"sh -c {quoted}", f"xargs -n1 echo < {path}",
            f"set -- {word} {path}", f"timeout 3 {a}", f"undo {n}; redo {n}" if self.chance(0.3) else a,
        ])  # fmt: skip
