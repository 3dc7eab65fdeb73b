"""System V's shared memory (ipc/)."""
