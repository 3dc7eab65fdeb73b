"""The text of /proc: numbers come from the kernel, only the spelling is here."""
