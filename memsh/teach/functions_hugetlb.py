"""Functions of hugetlb for memsh.teach.functions: pools, reservations, faults."""

HUGETLB = """\
inode.hugetlb_file_setup|hugetlb_file_setup|fs/hugetlbfs/inode.c|makes the nameless file of huge pages behind a mapping
inode.hugetlbfs_file_mmap|hugetlbfs_file_mmap|fs/hugetlbfs/inode.c|lets an area have the file's pages, and reserves them
inode.hugetlbfs_evict_inode|hugetlbfs_evict_inode|fs/hugetlbfs/inode.c|gives back the pages and reservations of a file
inode.hugetlbfs_punch_hole|hugetlbfs_punch_hole|fs/hugetlbfs/inode.c|takes pages out of a file, wherever they are mapped
reserve.reserve_pages|hugetlb_reserve_pages|mm/hugetlb.c|promises a mapping its pages before it touches any
reserve.unreserve_pages|hugetlb_unreserve_pages|mm/hugetlb.c|takes back promises of a file that ends
reserve.vm_op_close|hugetlb_vm_op_close|mm/hugetlb.c|gives back what an area had reserved and never used
reserve.alloc_huge_page|alloc_huge_page|mm/hugetlb.c|takes a page for a fault, by its reservation if there is one
pool.acct_memory|hugetlb_acct_memory|mm/hugetlb.c|counts reservations, with surplus pages if the pool has too few
pool.gather_surplus_pages|gather_surplus_pages|mm/hugetlb.c|makes as many surplus pages as a reservation lacks
pool.dequeue_huge_page_vma|dequeue_huge_page_vma|mm/hugetlb.c|takes a free page of the pool from where the policy says
pool.alloc_buddy_huge_page|alloc_buddy_huge_page|mm/hugetlb.c|takes a block from the buddy system for the pool
pool.alloc_pool_huge_page|alloc_pool_huge_page|mm/hugetlb.c|makes the pool one page larger, on the node whose turn it is
pool.free_huge_page|free_huge_page|mm/hugetlb.c|puts a page back into its pool, or gives a surplus one up
pool.update_and_free_page|update_and_free_page|mm/hugetlb.c|gives a page of the pool back to the buddy system
pool.set_max_huge_pages|set_max_huge_pages|mm/hugetlb.c|makes the pool as large as was written, as far as that goes
pool.demote_pool_huge_page|demote_pool_huge_page|mm/hugetlb.c|cuts a free page into pages of a smaller size
fault.hugetlb_fault|hugetlb_fault|mm/hugetlb.c|resolves a fault in a mapping of huge pages
fault._no_page|hugetlb_no_page|mm/hugetlb.c|gives the first access its page: the file's, or a new one
fault._wp|hugetlb_wp|mm/hugetlb.c|lets a huge page be written, or copies it
fault._unmap_ref_private|unmap_ref_private|mm/hugetlb.c|takes a page from the children of the mapping's owner
fault.clear_huge_page|clear_huge_page|mm/memory.c|fills a huge page with zeros
fault.copy_huge_page|copy_user_huge_page|mm/memory.c|copies a huge page
table.huge_pte_alloc|huge_pte_alloc|mm/hugetlb.c|finds the place of an entry for a huge page
table.unmap_hugepage_range|unmap_hugepage_range|mm/hugetlb.c|takes entries for huge pages away
table.copy_hugetlb_page_range|copy_hugetlb_page_range|mm/hugetlb.c|copies the entries for huge pages at fork
table.hugetlb_change_protection|hugetlb_change_protection|mm/hugetlb.c|changes what may be done with huge pages
table.move_hugetlb_page_tables|move_hugetlb_page_tables|mm/hugetlb.c|moves entries for huge pages to another address
vmemmap.optimize|hugetlb_vmemmap_optimize|mm/hugetlb_vmemmap.c|gives up the memory of a huge page's struct pages
vmemmap.restore|hugetlb_vmemmap_restore|mm/hugetlb_vmemmap.c|gets memory for a huge page's struct pages again
contig.alloc_contig_pages|alloc_contig_pages|mm/page_alloc.c|finds a range of pages larger than any block
contig.free_contig_range|free_contig_range|mm/page_alloc.c|frees such a range page by page
"""
