"""Who may read what: the token of programs, the sign-in of browsers, and the parts that are public."""
