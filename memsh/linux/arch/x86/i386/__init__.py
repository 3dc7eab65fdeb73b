"""32 bits (arch/x86, the _32 files)."""
