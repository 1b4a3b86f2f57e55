"""Settings and city list from files, environment variables and secrets; errors name file, line and column."""
