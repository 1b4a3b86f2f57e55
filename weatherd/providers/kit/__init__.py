"""What providers have in common: tables of numbers, conditions and errors, typed decoding, and requests."""
