"""explain, lessons, quiz, journal."""
