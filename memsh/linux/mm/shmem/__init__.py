"""Memory that processes share (mm/shmem.c)."""
