"""The shards of the list that this node polls, and their moves from node to node."""
