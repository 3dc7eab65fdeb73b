"""Error numbers with the C library's words, and the exception that carries one.

Source: include/uapi/asm-generic/errno-base.h, errno.h; the words are glibc's strerror().
"""

STRERROR: dict[str, tuple[int, str]] = {
    "EPERM": (1, "Operation not permitted"),
    "ENOENT": (2, "No such file or directory"),
    "ESRCH": (3, "No such process"),
    "EINTR": (4, "Interrupted system call"),
    "EIO": (5, "Input/output error"),
    "ENXIO": (6, "No such device or address"),
    "E2BIG": (7, "Argument list too long"),
    "ENOEXEC": (8, "Exec format error"),
    "EBADF": (9, "Bad file descriptor"),
    "ECHILD": (10, "No child processes"),
    "EAGAIN": (11, "Resource temporarily unavailable"),
    "ENOMEM": (12, "Cannot allocate memory"),
    "EACCES": (13, "Permission denied"),
    "EFAULT": (14, "Bad address"),
    "EBUSY": (16, "Device or resource busy"),
    "EEXIST": (17, "File exists"),
    "EXDEV": (18, "Invalid cross-device link"),
    "ENODEV": (19, "No such device"),
    "ENOTDIR": (20, "Not a directory"),
    "EISDIR": (21, "Is a directory"),
    "EINVAL": (22, "Invalid argument"),
    "EMFILE": (24, "Too many open files"),
    "ETXTBSY": (26, "Text file busy"),
    "EFBIG": (27, "File too large"),
    "ENOSPC": (28, "No space left on device"),
    "ESPIPE": (29, "Illegal seek"),
    "EROFS": (30, "Read-only file system"),
    "EPIPE": (32, "Broken pipe"),
    "ERANGE": (34, "Numerical result out of range"),
    "EDEADLK": (35, "Resource deadlock avoided"),
    "ENAMETOOLONG": (36, "File name too long"),
    "ENOSYS": (38, "Function not implemented"),
    "ENOTEMPTY": (39, "Directory not empty"),
    "ELOOP": (40, "Too many levels of symbolic links"),
    "ENODATA": (61, "No data available"),
    "ENOTSUPP": (524, "Unknown error 524"),  # which should never reach a program, and does
    "EOVERFLOW": (75, "Value too large for defined data type"),
    "EOPNOTSUPP": (95, "Operation not supported"),
}


class KernelError(OSError):
    """What Linux would answer: `KernelError("ENOMEM")`. `.code` is the name, `.strerror` the words.

    It is an OSError so that the shell, which knows no kernel, can print it as any tool prints perror().
    """

    def __init__(self, code: str, detail: str = "") -> None:
        number, words = STRERROR[code]
        super().__init__(number, words)
        self.code = code
        self.detail = detail  # an explanation for people; never part of the message
        self.reading = ""  # the file, as it was typed, that could not be read any further


class Signalled(OSError):
    """An answer that a program does not live to read: it dies of `signal`, which came with it.

    No KernelError, so that what a command makes of those does not come between it and the shell.
    """

    def __init__(self, code: str, signal: int) -> None:
        super().__init__(*STRERROR[code])
        self.signal = signal
