"""What both x86 machines share (arch/x86)."""
