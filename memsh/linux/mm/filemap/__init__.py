"""The page cache (mm/filemap.c, readahead.c, page-writeback.c, truncate.c)."""
