"""slabtop, free, vmstat, pmap, ps, top: each a function of /proc text."""
