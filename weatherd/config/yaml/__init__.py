"""A strict YAML 1.2 reader that records lines and columns, and an editor that preserves comments and order."""
