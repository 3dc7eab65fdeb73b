"""The 64-bit machine (arch/x86, CONFIG_X86_64)."""
