"""The box for programs of the host: mounted, entered, spoken to. Nothing else imports mfusepy."""
