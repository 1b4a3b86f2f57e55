"""The separator of the columns of a CSV file, of lists and of imports."""

_DELIMITERS = ",;\t|"


def find_delimiter(text: str) -> str:
    """Return the separator of the columns: a comma, semicolon, tab or bar, the most frequent one in the heading."""
    return max(_DELIMITERS, key=text.partition("\n")[0].count)
