"""Plans, usage, the interval that fits a plan, and the rate limiter in front of every provider."""
