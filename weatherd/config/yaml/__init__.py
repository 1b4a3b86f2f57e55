"""A strict YAML 1.2 reader that knows line and column, and an editor that keeps comments and order."""
