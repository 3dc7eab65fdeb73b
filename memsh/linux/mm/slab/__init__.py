"""The slab allocator (mm/slab_common.c, mm/slab.c)."""
