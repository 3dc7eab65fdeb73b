"""Rows of memsh.teach.functions: equal pages become one."""

KSM = """\
ksmd.thread|ksm_scan_thread|mm/ksm.c|ksmd: looks at some pages, sleeps, and goes on
ksmd._do_scan|ksm_do_scan|mm/ksm.c|looks at the next pages_to_scan pages of areas that asked for it
ksmd._scan_get_next_rmap_item|scan_get_next_rmap_item|mm/ksm.c|finds the next anonymous page, process by process
ksmd.cmp_and_merge_page|cmp_and_merge_page|mm/ksm.c|looks for a page of the same contents, and makes one of the two
tree.stable_tree_search|stable_tree_search|mm/ksm.c|looks among the merged pages for one of the same contents
tree.stable_tree_insert|stable_tree_insert|mm/ksm.c|puts a page that has just been merged where others find it
tree.unstable_tree_search_insert|unstable_tree_search_insert|mm/ksm.c|looks among the pages that have not changed \
lately, and adds this one
merge.try_to_merge_one_page|try_to_merge_one_page|mm/ksm.c|write-protects a page and maps the merged one in its place
merge.try_to_merge_two_pages|try_to_merge_two_pages|mm/ksm.c|makes two pages of the same contents a merged one
merge.break_ksm|break_ksm|mm/ksm.c|gives a process a page of its own again, by a fault as of a write
merge.unmerge_ksm_pages|unmerge_ksm_pages|mm/ksm.c|takes the merged pages of an area apart
merge.ksm_madvise|ksm_madvise|mm/ksm.c|an area's pages may be merged from now on, or no longer
ksmd.set_run|run_store|mm/ksm.c|stops ksmd, lets it run, or takes everything apart
items.ksm_enter|__ksm_enter|mm/ksm.c|puts a process on ksmd's list
items.ksm_exit|__ksm_exit|mm/ksm.c|takes a process that ends off ksmd's list
"""
