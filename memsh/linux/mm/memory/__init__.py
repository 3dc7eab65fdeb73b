"""Faults, page tables filled and emptied (mm/memory.c, mm/mmu_gather.c)."""
