"""Transparent huge pages (mm/huge_memory.c, mm/khugepaged.c)."""
