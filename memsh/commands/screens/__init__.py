"""Live screens of tools. Loaded when one is asked for, not at the start."""
