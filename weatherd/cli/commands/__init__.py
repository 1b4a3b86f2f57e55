"""One file per command: its options, its help, and its implementation.

A command imports what is slow to import inside its functions, because ``weatherd --help`` imports every file here.
"""
