"""The slab allocators (mm/slab_common.c, mm/slab.c, mm/slub.c) behind one interface: `api`."""
