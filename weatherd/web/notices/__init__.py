"""What concerns the cities beside their weather: alerts that are firing, and official warnings in force."""
