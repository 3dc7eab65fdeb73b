"""Moving pages together (mm/compaction.c, migrate.c)."""
