"""One SQL script for each version of the journal file.

A script that has been released is never edited: files written by it exist. A change of the tables is a new script
``NNNN_name.sql`` and a higher ``schema.VERSION``. Statements end with a semicolon, which must not occur elsewhere.
"""
