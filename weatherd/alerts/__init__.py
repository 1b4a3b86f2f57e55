"""Alert rules: expressions about the weather of a city, and the states that follow from them. Pure functions."""
