"""Bright Sky, https://brightsky.dev."""
