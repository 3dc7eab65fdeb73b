"""What runs first in the namespace of `memsh enter`: it puts the box's /proc and /sys in place, makes the rest of the
host read-only, starts the program and waits until the last one has ended. Stands alone (`python -I inside.py SPEC …`).

SPEC is JSON: `box` (where the box is mounted), `run` (the folder with the socket), `write` (folders that stay
writable), `cwd`, `mounts` (false where bwrap has made the mounts). Mounts are made by mount(2) itself.

**Known deviations:** links to /proc/self of /dev (fd, stdin …) lead to the host's own /proc, at /dev/.host.
"""

import ctypes
import json
import os
import signal
import sys

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_NOATIME, MS_NODIRATIME = 1, 2, 4, 8, 32, 1024, 2048
MS_BIND, MS_MOVE, MS_REC, MS_PRIVATE, MS_RELATIME = 4096, 8192, 16384, 1 << 18, 1 << 21
FLAGS = {
    "nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC, "noatime": MS_NOATIME, "nodiratime": MS_NODIRATIME,
    "relatime": MS_RELATIME,
}  # fmt: skip
PR_SET_CHILD_SUBREAPER, PR_CAPBSET_DROP, CAPABILITIES = 36, 24, 64
EINVAL, ENOENT, EACCES = 22, 2, 13
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str = "none", flags: int = 0, data: str = "") -> None:
    """mount(2). OSError."""
    words = [os.fsencode(word) for word in (source, target, kind)]
    if LIBC.mount(*words, ctypes.c_ulong(flags), os.fsencode(data) or None):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def bind(source: str, target: str) -> None:
    mount(source, target, flags=MS_BIND | MS_REC)


def plain(word: str) -> str:
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        word = word.replace(code, char)
    return word


def everything_read_only() -> None:
    """Each mount is remounted, with the flags that it has."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        rows = [line.split(" ") for line in file]
    for words in rows:
        options = words[5].split(",")
        flags = MS_REMOUNT | MS_BIND | MS_RDONLY
        for option in options:
            flags |= FLAGS.get(option, 0)
        try:
            mount("none", plain(words[4]), flags=flags)
        except OSError as error:
            if error.errno not in (EINVAL, ENOENT, EACCES):  # those lie under another mount, where nobody comes
                raise


def make_dev() -> None:
    """./dev with what programs need; its links to descriptors lead to a /proc of the host's."""
    os.mkdir("dev")
    mount("tmpfs", "dev", "tmpfs", MS_NOSUID, "mode=755")
    for name in DEVICES:
        with open(f"dev/{name}", "w", encoding="ascii"):
            pass
        bind(f"/dev/{name}", f"dev/{name}")
    for name in ("pts", "shm", ".host"):
        os.mkdir(f"dev/{name}")
    bind("/dev/pts", "dev/pts")
    mount("tmpfs", "dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    os.symlink("pts/ptmx", "dev/ptmx")
    try:
        mount("proc", "dev/.host", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    except OSError:  # a container with parts of /proc covered: its own
        bind("/proc", "dev/.host")
    for name, target in (("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(f"/dev/.host/self/{target}", f"dev/{name}")


def make_tmp(stage: str) -> bool:
    """./tmp that shows the host's files and keeps what is written to itself; False: an empty one, where it cannot."""
    for folder in ("tmp", "upper", "work"):
        os.mkdir(folder)
    os.chmod("upper", 0o1777)
    try:
        layers = f"userxattr,lowerdir=/tmp,upperdir={stage}/upper,workdir={stage}/work"
        mount("overlay", "tmp", "overlay", 0, layers)
    except OSError:
        mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
        return False
    return True


def put(source: str, target: str) -> None:
    """Move a mount to its place, which is made where a scratch folder hides it."""
    os.makedirs(target, exist_ok=True)
    mount(source, target, flags=MS_MOVE)


def make_mounts(box: str, run: str, write: list[str], cwd: str) -> None:
    """All is made in a folder of its own, by relative names, and then moved: /tmp may hide what lies in it."""
    mount("none", "/", flags=MS_REC | MS_PRIVATE)
    everything_read_only()
    stage = f"{run}/stage"
    mount("tmpfs", stage, "tmpfs", 0, "mode=755")
    os.chdir(stage)
    shows = make_tmp(stage)
    kept = [run] if run.startswith("/tmp/") else []
    if not shows:  # memsh itself, and where the person stands
        hidden = dict.fromkeys((os.environ.get("MEMSH_PATH", ""), cwd))
        kept = [folder for folder in hidden if folder.startswith("/tmp/")] + kept
    kept += write
    for number, folder in enumerate(kept):
        os.mkdir(str(number))
        bind(folder, str(number))
        if folder in write:
            writable(stage, str(number))
    make_dev()
    for name in ("proc", "sys"):
        os.mkdir(name)
        bind(f"{box}/{name}", name)
        writable(stage, name)
    put("tmp", "/tmp")
    for number, folder in enumerate(kept):
        put(str(number), folder)
    for name in ("dev", "sys", "proc"):
        put(name, f"/{name}")
    os.chdir("/")


def writable(stage: str, name: str) -> None:
    """Take read-only, and nothing else, away from the mount `name` in the folder `stage`."""
    flags, folder = 0, f"{stage}/{name}"
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            words = line.split(" ")
            if plain(words[4]) == folder:
                flags = sum(FLAGS.get(option, 0) for option in words[5].split(","))
    mount("none", name, flags=MS_REMOUNT | MS_BIND | flags)


def run_program(words: list[str]) -> int:
    """Start the program; wait for it and for all that it leaves behind. Its status."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    child = os.fork()
    if not child:
        try:
            os.execvp(words[0], words)
        except OSError as error:
            sys.stderr.write(f"memsh: {words[0]}: {error.strerror}\n")
            os._exit(127 if error.errno == ENOENT else 126)
    status = 0
    while True:
        try:
            pid, code = os.wait()
        except ChildProcessError:
            return status
        except InterruptedError:
            continue
        if pid == child:
            status = os.waitstatus_to_exitcode(code)
            status = 128 - status if status < 0 else status


def main() -> int:
    spec = json.loads(sys.argv[1])
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTTOU):
        signal.signal(number, signal.SIG_DFL if number != signal.SIGTTOU else signal.SIG_IGN)
    if spec["mounts"]:
        try:
            make_mounts(spec["box"], spec["run"], spec["write"], spec["cwd"])
        except OSError as error:
            sys.stderr.write(f"memsh: enter: {error.filename or ''}: {error.strerror}\n")
            return 125
    for capability in range(CAPABILITIES):  # root by name: nobody in there can mount the host writable again
        LIBC.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    try:
        os.chdir(spec["cwd"])
    except OSError:
        os.chdir("/")
    return run_program(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
