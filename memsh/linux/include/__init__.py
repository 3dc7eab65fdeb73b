"""Facts and plain types (include/linux, include/uapi)."""
