"""The page allocator (mm/page_alloc.c, mm/vmstat.c, lib/show_mem.c)."""
