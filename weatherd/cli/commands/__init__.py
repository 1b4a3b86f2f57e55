"""One file per command: its options, its help, and its implementation.

Slow modules are imported inside functions, because ``weatherd --help`` imports every file in this package.
"""
