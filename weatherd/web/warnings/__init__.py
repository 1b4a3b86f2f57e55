"""Official warnings in the HTTP interface."""
