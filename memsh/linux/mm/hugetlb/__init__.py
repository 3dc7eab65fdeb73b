"""Huge pages that are set aside: pools, reservations, faults, the file system that they belong to (mm/hugetlb.c)."""
