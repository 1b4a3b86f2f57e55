"""YAML with places: a strict reader, and an editor that keeps comments and order."""
