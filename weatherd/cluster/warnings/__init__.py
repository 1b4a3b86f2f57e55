"""Official warnings of cities that move from node to node."""
