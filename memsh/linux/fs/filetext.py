"""What the files of the box's disk hold, where a person would read them: /etc, and the logs under /var/log.

A file's page is made when it is asked for, from its path and its number; nothing is kept.

Known deviations: the contents are made up; only the settings in /etc/sysctl.conf have a meaning, to `sysctl -p`.
"""

from __future__ import annotations

from hashlib import shake_128

LINE = 64  # bytes of a line of a generated text
LINES = 4096 // LINE
ETC: dict[str, str] = {
    "/etc/fstab": (
        "# <file system> <mount point>   <type>  <options>       <dump>  <pass>\n"
        "/dev/vdb        /               ext4    defaults        0       1\n"
        "tmpfs           /dev/shm        tmpfs   defaults        0       0\n"
    ),
    "/etc/hostname": "memsh\n",
    "/etc/hosts": "127.0.0.1\tlocalhost\n127.0.1.1\tmemsh\n\n::1\t\tlocalhost ip6-localhost ip6-loopback\n",
    "/etc/passwd": (
        "root:x:0:0:root:/root:/bin/sh\n"
        "daemon:x:1:1:daemon:/usr/sbin:/usr/sbin/nologin\n"
        "bin:x:2:2:bin:/bin:/usr/sbin/nologin\n"
        "sys:x:3:3:sys:/dev:/usr/sbin/nologin\n"
        "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
        "user:x:1000:1000:user,,,:/home/user:/bin/sh\n"
    ),
    "/etc/profile": "# for every login shell\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\nexport PATH\nPS1='# '\numask 022\n",
    "/etc/sysctl.conf": (
        "# sysctl settings, one a line: sysctl -p sets what is here\n# vm.swappiness = 10\n# vm.dirty_ratio = 40\n"
    ),
    "/home/user/notes.txt": "free is not available, and buff/cache is not lost.\n",
    "/root/.profile": "# for root's login shell\nmesg n 2> /dev/null || true\n",
}
_PROGRAMS = ("cron", "kernel", "sshd", "systemd", "dpkg", "rsyslogd")


def _log_line(seed: str, at: int) -> str:
    draw = shake_128(f"{seed}:{at}".encode()).digest(8)
    second = at * 37
    day, hour, minute = 1 + second // 86400 % 31, second // 3600 % 24, second // 60 % 60
    program = _PROGRAMS[draw[0] % len(_PROGRAMS)]
    head = f"Jan {day:2} {hour:02}:{minute:02}:{second % 60:02} memsh {program}"
    head += ":" if program == "kernel" else f"[{100 + draw[1]}]:"
    return f"{head} event {at} {draw[2:].hex()}"


def _word_line(seed: str, at: int) -> str:
    letters = shake_128(f"{seed}:{at}".encode()).digest(LINE)
    return "".join("abcdefghijklmnopqrstuvwxyz"[byte % 26] if byte % 9 else " " for byte in letters)


def text_page(seed: str, index: int) -> bytes | None:
    """Page `index` of the text that path `seed` names; None if the file holds no text."""
    if seed in ETC:
        return ETC[seed].encode()[index << 12 : (index + 1) << 12].ljust(4096, b"\0")
    if seed.endswith("words"):
        line = _word_line
    elif seed.endswith((".log", "syslog", "messages.1", "status", ".txt")):
        line = _log_line
    else:
        return None
    return "".join(
        line(seed, at)[: LINE - 1].ljust(LINE - 1) + "\n" for at in range(index * LINES, (index + 1) * LINES)
    ).encode()
