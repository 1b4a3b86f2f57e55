"""Settings and city list from files, environment and secrets; errors name file, line and column."""
