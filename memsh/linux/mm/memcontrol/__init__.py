"""Memory cgroups (mm/memcontrol.c)."""
