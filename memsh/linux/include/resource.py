"""Resource limits: their numbers and what the first process has (include/uapi/asm-generic/resource.h,
include/asm-generic/resource.h). A limit is (soft, hard)."""

from __future__ import annotations

(
    RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_RSS, RLIMIT_NPROC, RLIMIT_NOFILE,
    RLIMIT_MEMLOCK, RLIMIT_AS, RLIMIT_LOCKS, RLIMIT_SIGPENDING, RLIMIT_MSGQUEUE, RLIMIT_NICE, RLIMIT_RTPRIO,
    RLIMIT_RTTIME,
) = range(16)  # fmt: skip
STK_LIM = MLOCK_LIMIT = 8 << 20
ARG_MAX = 131072
Rlimits = list[tuple[int, int]]


def init_rlimits(infinity: int, processes: int) -> Rlimits:
    """INIT_RLIMITS; `infinity` is RLIM_INFINITY, the machine's largest unsigned long, `processes` what fork_init()
    allows: half of threads-max."""
    free, none = (infinity, infinity), (0, 0)
    limits = [free] * 16
    limits[RLIMIT_STACK] = STK_LIM, infinity
    limits[RLIMIT_CORE] = 0, infinity
    limits[RLIMIT_NPROC] = limits[RLIMIT_SIGPENDING] = processes, processes
    limits[RLIMIT_NOFILE] = 1024, 4096
    limits[RLIMIT_MEMLOCK] = MLOCK_LIMIT, MLOCK_LIMIT
    limits[RLIMIT_MSGQUEUE] = 819200, 819200
    limits[RLIMIT_NICE] = limits[RLIMIT_RTPRIO] = none
    return limits
