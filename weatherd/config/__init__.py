"""Both files, the environment and the secrets, as one frozen value; errors name file, line and column."""
