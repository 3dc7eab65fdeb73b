"""Rows of memsh.teach.functions: migration and compaction."""

COMPACTION = """\
migrate.migrate_pages|migrate_pages|mm/migrate.c|moves pages to other frames, mappings and contents with them
migrate.putback_movable_pages|putback_movable_pages|mm/migrate.c|puts pages that did not move back on their lists
compaction.try_to_compact_pages|try_to_compact_pages|mm/compaction.c|compacts for one request, zone by zone
compaction.compaction_suitable|compaction_suitable|mm/compaction.c|asks whether compacting a zone can help
compaction.compact_zone|compact_zone|mm/compaction.c|moves used pages to the zone's end until the scanners meet
compaction.compact_node|compact_node|mm/compaction.c|compacts a node from end to end: somebody wrote to compact_memory
compaction.defer_compaction|defer_compaction|mm/compaction.c|remembers that compacting did not help, to try less often
isolate.isolate_migratepages|isolate_migratepages|mm/compaction.c|collects movable pages, from the zone's start up
isolate.isolate_freepages|isolate_freepages|mm/compaction.c|collects free pages, from the zone's end down
kcompactd.wakeup|wakeup_kcompactd|mm/compaction.c|asks the background compactor to run
kcompactd.do_work|kcompactd_do_work|mm/compaction.c|compacts in the background
"""
