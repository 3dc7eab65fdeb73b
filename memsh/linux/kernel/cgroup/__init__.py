"""Groups of tasks (kernel/cgroup/)."""
