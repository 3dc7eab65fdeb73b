"""System V's shared memory: shmget, shmat, shmdt, shmctl; ipcs and ipcrm of util-linux 2.38."""

from __future__ import annotations

import re

from memsh.commands.acting import Notes, act
from memsh.commands.processes import running
from memsh.libc.process import UserProcess
from memsh.linux.box import Box
from memsh.linux.include.errno import KernelError
from memsh.linux.include.flags import UINT_MAX
from memsh.linux.ipc import shm
from memsh.linux.ipc.shm import Segment
from memsh.linux.kernel import sysctl
from memsh.linux.kernel.timer import BTIME
from memsh.shell import IO, Args, arg, command, opt, rest
from memsh.shell.errors import ShellError
from memsh.shell.values import address, integer, wide_size
from memsh.textutils.timeformat import strftime

TOPIC = "user space"
_GET = {"create": shm.IPC_CREAT, "excl": shm.IPC_EXCL, "noreserve": shm.SHM_NORESERVE,
        "hugetlb": shm.SHM_HUGETLB, "hugetlb1g": shm.SHM_HUGETLB | 30 << 26}  # fmt: skip
_AT = {"rdonly": shm.SHM_RDONLY, "rnd": shm.SHM_RND, "remap": shm.SHM_REMAP, "exec": shm.SHM_EXEC}


def ipc_key(word: str) -> int:
    """`private`, 0x1234, 42."""
    if word.lower() in ("private", "ipc_private"):
        return shm.IPC_PRIVATE
    try:
        number = integer(word)
    except ValueError:
        raise ValueError(f"'{word}' is not a key: a number, or private") from None
    if not -(1 << 31) <= number <= UINT_MAX:
        raise ValueError(f"{word}: a key has 32 bits")
    return number - (1 << 32) if number >> 31 == 1 else number  # not i386: a key is an int


def _flags(word: str, names: dict[str, int], what: str) -> int:
    bits = 0
    for part in re.split(r"[|,+]", word):
        name = part.strip().lower().removeprefix("shm_").removeprefix("ipc_").replace("creat", "create").replace(
            "createe", "create")  # fmt: skip
        if re.fullmatch(r"0[0-7]*", name):
            bits |= int(name, 8)
        elif name in names:
            bits |= names[name]
        else:
            raise ValueError(f"'{part}' is not a flag of {what} ({', '.join(names)}, or a mode as 0600)")
    return bits


def get_flags(word: str) -> int:
    """`create,excl`, `IPC_CREAT|0600`."""
    return _flags(word, _GET, "shmget")


def at_flags(word: str) -> int:
    """`rdonly`, `SHM_RND`."""
    return _flags(word, _AT, "shmat")


ID = arg("id", type=integer, help="what shmget gave", words="value")


@command(
    arg("key", type=ipc_key, help="a number by which others find the segment, or private"),
    arg("size", type=wide_size, help="bytes"),
    arg("flags", type=get_flags, default="create,0600", help="create, excl, noreserve, hugetlb, a mode",
        words="shmget"),
    topic=TOPIC,
)
def shmget(box: Box, args: Args, io: IO) -> int:
    """a segment of System V's shared memory, made if there is none of that key

    shmget 0x1234 1M; shmat $

    Yields its number. It stays until it is removed (ipcrm -m ID) and detached everywhere.
    """

    def operation(user: UserProcess, notes: Notes) -> int:
        key = f"{args.key & UINT_MAX:#x}" if args.key else "IPC_PRIVATE"
        return user.call(f"shmget({key}, {args.size}, {args.flags:#o})",
                         lambda: box.shm.shmget(args.key, args.size, args.flags))  # fmt: skip

    return act(box, io, operation, dec=True)


@command(
    ID,
    arg("flags", type=at_flags, default=0, help="rdonly, rnd, remap, exec", words="shmat"),
    opt("--addr", type=address, help="where", meta="ADDR"),
    topic=TOPIC,
)
def shmat(box: Box, args: Args, io: IO) -> int:
    """map a segment of System V's shared memory

    shmat $(shmget private 64k)

    Yields the address; /proc/PID/maps shows it as /SYSV and the key.
    """
    where = args.addr or 0

    def operation(user: UserProcess, notes: Notes) -> int:
        return user.call(
            f"shmat({args.id}, {hex(where) if where else 'NULL'}, {args.flags:#o})",
            lambda: box.shm.shmat(user.mm, args.id, where, args.flags), yields_address=True,
        )  # fmt: skip

    return act(box, io, operation)


@command(arg("addr", type=address, help="where shmat mapped it", words="value"), topic=TOPIC)
def shmdt(box: Box, args: Args, io: IO) -> int:
    """take an attached segment off

    p=$(shmat $(shmget private 64k)); shmdt $p
    """

    def operation(user: UserProcess, notes: Notes) -> None:
        user.call(f"shmdt({args.addr:#x})", lambda: box.shm.shmdt(user.mm, args.addr))

    return act(box, io, operation)


@command(ID, arg("what", choices=("rmid", "stat"), help="remove it, or show what the kernel knows"), topic=TOPIC)
def shmctl(box: Box, args: Args, io: IO) -> int:
    """remove a segment of System V's shared memory, or show it

    i=$(shmget private 64k); shmctl $i stat; shmctl $i rmid
    """

    def operation(user: UserProcess, notes: Notes) -> None:
        if args.what == "rmid":
            user.call(f"shmctl({args.id}, IPC_RMID, NULL)", lambda: box.shm.rmid(args.id))
        else:
            io.out(_details(box, box.shm.find(args.id)))

    return act(box, io, operation)


# -- ipcs ------------------------------------------------------------------------------------------------------------

_QUEUES = {
    "": "key        msqid      owner      perms      used-bytes   messages    ",
    "t": "msqid    owner      send                 recv                 change              ",
    "p": "msqid      owner      lspid      lrpid     ",
    "c": "msqid      perms      cuid       cgid       uid        gid       ",
}
_QUEUE_TITLES = {"": "Message Queues --------", "t": "Message Queues Send/Recv/Change Times --------",
                 "p": "Message Queues PIDs --------", "c": "Message Queues Creators/Owners --------"}  # fmt: skip
_SHM_TITLES = {
    "": "Shared Memory Segments --------", "t": "Shared Memory Attach/Detach/Change Times --------",
    "p": "Shared Memory Creator/Last-op PIDs --------", "c": "Shared Memory Segment Creators/Owners --------",
}  # fmt: skip
_SHM_HEADS = {
    "": "key        shmid      owner      perms      {bytes:<10} nattch     status      ",
    "t": "shmid      owner      attached             detached             changed             ",
    "p": "shmid      owner      cpid       lpid      ",
    "c": "shmid      perms      cuid       cgid       uid        gid       ",
}


def _date(usec: int, long: bool = False) -> str:
    if not usec:
        return "Not set"
    text = strftime("%a %b %e %H:%M:%S %Y", BTIME + usec // 1_000_000)
    return text if long else text[4:19]


def _status(one: Segment) -> str:
    return "dest" if one.mode & shm.SHM_DEST else ""


def _human(number: int) -> str:
    for power, letter in enumerate("BKMGTPE"):
        if number < 1024 ** (power + 1):
            whole = number / 1024**power
            return f"{whole:.0f}{letter}" if whole == int(whole) else f"{whole:.1f}{letter}"
    return str(number)


def _segments(box: Box, kind: str, human: bool) -> str:
    rows = [f"\n------ {_SHM_TITLES[kind]}", _SHM_HEADS[kind].format(bytes="size" if human else "bytes")]
    for index in sorted(box.shm.ids):
        one = box.shm.ids[index]
        perms = one.mode & 0o777
        if kind == "t":
            times = " ".join(f"{_date(usec):<20}" for usec in (one.atime, one.dtime, one.ctime))
            rows.append(f"{one.id:<10} {'root':<10} {times}")
        elif kind == "p":
            rows.append(f"{one.id:<10} {'root':<10} {one.cpid:<10} {one.lpid:<10}")
        elif kind == "c":
            rows.append(f"{one.id:<10} {perms:<10o} {'root':<10} {'root':<10} {'root':<10} {'root':<10}")
        else:
            size = f"{_human(one.size):>6}" if human else str(one.size)
            key = f"0x{one.key & UINT_MAX:08x}"
            rows.append(f"{key:<10} {one.id:<10} {'root':<10} {perms:<10o} {size:<10} {one.nattch:<10} "
                        f"{_status(one):<6} {'':<6}")  # fmt: skip
    return "\n".join(rows) + "\n\n"


def _summary(box: Box) -> str:
    segments = box.shm.ids.values()
    return (f"\n------ Shared Memory Status --------\nsegments allocated {len(segments)}\n"
            f"pages allocated {box.shm.total}\npages resident  {sum(one.resident for one in segments)}\n"
            f"pages swapped   {sum(one.swapped for one in segments)}\n"
            f"Swap performance: 0 attempts\t 0 successes\n")  # fmt: skip


def _limits(box: Box) -> str:
    most, total, number = (int(sysctl.get(box, f"kernel.{name}")) for name in ("shmmax", "shmall", "shmmni"))
    largest, total = most // 1024, min(total, (1 << 64) // 4096 - 1) * 4
    return (f"\n------ Shared Memory Limits --------\nmax number of segments = {number}\n"
            f"max seg size (kbytes) = {largest}\nmax total shared memory (kbytes) = {total}\n"
            "min seg size (bytes) = 1\n\n")  # fmt: skip


def _limit_parts(box: Box) -> tuple[str, str, str]:
    queues, message, queue = (sysctl.get(box, f"kernel.{name}") for name in ("msgmni", "msgmax", "msgmnb"))
    return (
        f"\n------ Messages Limits --------\nmax queues system wide = {queues}\n"
        f"max size of message (bytes) = {message}\ndefault max size of queue (bytes) = {queue}\n",
        _limits(box),
        "\n------ Semaphore Limits --------\nmax number of arrays = 32000\nmax semaphores per array = 32000\n"
        "max semaphores system wide = 1024000000\nmax ops per semop call = 500\nsemaphore max value = 32767\n\n",
    )


def _summary_parts(box: Box) -> tuple[str, str, str]:
    return (
        "\n------ Messages Status --------\nallocated queues = 0\nused headers = 0\nused space = 0 bytes\n",
        _summary(box),
        "\n------ Semaphore Status --------\nused arrays = 0\nallocated semaphores = 0\n\n",
    )


def _details(box: Box, one: Segment) -> str:
    return (f"\nShared memory Segment shmid={one.id}\nuid=0\tgid=0\tcuid=0\tcgid=0\n"
            f"mode=0{one.mode:o}\taccess_perms=0{one.mode & 0o777:o}\n"
            f"bytes={one.size}\tlpid={one.lpid}\tcpid={one.cpid}\tnattch={one.nattch}\n"
            f"att_time={_date(one.atime, True):<26.24s}\ndet_time={_date(one.dtime, True):<26.24s}\n"
            f"change_time={_date(one.ctime, True):<26.24s}\n\n")  # fmt: skip


@command(
    opt("-m", "--shmems"), opt("-q", "--queues"), opt("-s", "--semaphores"), opt("-a", "--all"),
    opt("-t", "--time", help="when"), opt("-p", "--pid", help="by whom"), opt("-c", "--creator"),
    opt("-l", "--limits"), opt("-u", "--summary"), opt("--human"), opt("-b", "--bytes"),
    opt("-i", "--id", type=integer, meta="ID", help="one of them"), topic="tools",
)  # fmt: skip
def ipcs(box: Box, args: Args, io: IO) -> int:
    """System V's shared memory, queues and semaphores, as util-linux shows them

    shmget 0x1234 1M; ipcs -m

    -t times, -p processes, -c creators, -l limits, -u a summary, -i ID one segment. There are no queues and semaphores.
    """
    queues, shmems, semaphores = args.queues, args.shmems, args.semaphores
    if args.id is not None:
        if queues + shmems + semaphores != 1:
            raise ShellError("when using an ID, a single resource must be specified")
        try:
            if not shmems:
                raise KernelError("EINVAL")
            io.out(_details(box, box.shm.find(args.id)))
        except KernelError:
            raise ShellError(f"id {args.id} not found") from None
        return 0
    if args.all or not (queues or shmems or semaphores):
        queues = shmems = semaphores = True
    kind = "t" if args.time else "p" if args.pid else "c" if args.creator else ""
    out = ""
    if args.limits or args.summary:
        parts = _limit_parts(box) if args.limits else _summary_parts(box)
        io.out("".join(part for part, wanted in zip(parts, (queues, shmems, semaphores), strict=True) if wanted))
        return 0
    if queues:
        out += f"\n------ {_QUEUE_TITLES[kind]}\n{_QUEUES[kind]}\n\n"
    if shmems:
        out += _segments(box, kind, args.human)
    if semaphores:
        out += {
            "": "\n------ Semaphore Arrays --------\nkey        semid      owner      perms      nsems     \n\n",
            "t": "\n------ Semaphore Operation/Change Times --------\n"
                 "semid    owner      last-op                    last-changed              \n\n",
            "p": "",
            "c": "\n------ Semaphore Arrays Creators/Owners --------\n"
                 "semid      perms      cuid       cgid       uid        gid       \n\n",
        }[kind]  # fmt: skip
    io.out(out)
    return 0


@command(rest("words", raw=True, meta="[-m ID] [-M KEY] [-a]"), topic="tools", help_option=False)
def ipcrm(box: Box, args: Args, io: IO) -> int:
    """remove segments of System V's shared memory

    shmget 0x1234 1M; ipcrm -M 0x1234

    -m ID, -M KEY, -a all; -v says what is done. A segment that is attached goes with its last attachment.
    """
    running(box)
    words, status, verbose = list(args.words), 0, False
    if not words:
        io.complain("bad usage")
        io.err("Try 'ipcrm --help' for more information.\n")
        return 1
    if words[0] == "shm":
        words = [part for word in words[1:] for part in ("-m", word)]
    while words:
        word = words.pop(0)
        if word in ("-v", "--verbose"):
            verbose = True
        elif word in ("-a", "--all", "--all=shm", "-ashm"):
            for one in [box.shm.ids[at] for at in sorted(box.shm.ids)]:
                if verbose:
                    io.out(f"removing shared memory segment id `{one.id}'\n")
                box.shm.rmid(one.id)
        elif word in ("--all=msg", "--all=sem", "-amsg", "-asem"):
            continue
        elif word in ("-m", "-M", "-q", "-Q", "-s", "-S", "--shmem-id", "--shmem-key"):
            if not words:
                io.complain(f"option requires an argument -- '{word.lstrip('-')}'")
                return 1
            status |= _remove(box, io, word, words.pop(0), verbose)
        else:
            long = word[:2] == "--"
            io.complain(f"unrecognized option '{word}'" if long else f"invalid option -- '{word[1:2]}'")
            io.err("Try 'ipcrm --help' for more information.\n")
            return 1
    return status


def _remove(box: Box, io: IO, option: str, word: str, verbose: bool) -> int:
    by_key = option in ("-M", "-Q", "-S", "--shmem-key")
    try:
        number = integer(word)
    except ValueError:
        io.complain(f"failed to parse argument: '{word}'")
        return 1
    found = None
    if option in ("-m", "-M", "--shmem-id", "--shmem-key"):
        if by_key:
            found = box.shm.by_key(number - (1 << 32) if number >> 31 == 1 else number)  # not i386: a key is an int
            if number == 0:
                io.complain("illegal key (0x0)" if word.startswith("0x") else f"illegal key ({word})")
                return 1
        else:
            found = next((one for one in box.shm.ids.values() if one.id == number), None)
    if found is None:
        io.complain(f"invalid {'key' if by_key else 'id'} ({word})")
        return 1
    if verbose:
        io.out(f"removing shared memory segment id `{found.id}'\n")
    box.shm.rmid(found.id)
    return 0
