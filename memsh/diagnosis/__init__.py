"""What a machine's own text means: rules that its kernel applied, and verdicts in plain sentences."""
