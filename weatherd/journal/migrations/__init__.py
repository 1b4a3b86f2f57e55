"""One SQL script for each version of the journal file.

A script that has been released is never edited: files written by it exist. A change of the tables is a new script
``NNNN_name.sql`` and a higher ``schema.VERSION``. Statements end with a semicolon, which must not occur elsewhere.

0003 searches the journal for each row of ``last``, because version 2 updated that table only now and then: the journal
may hold a newer observation of the city. Example: ``last`` has Kiel at 12:00, fetched at 12:05.

- The journal also has Kiel at 12:10 and at 12:20: the row becomes the one of 12:20, with its own time of fetch.
- The journal has nothing newer: the row stays that of 12:00, fetched at 12:05, because a repeat may have been fetched
  later than the entry itself says.
- The journal does not have Kiel at 12:00 any more: the row is dropped.
"""
