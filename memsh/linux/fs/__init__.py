"""Files, names, execve, what /proc counts of a process (fs/)."""
