"""The whole list from the answers of all nodes of a cluster, whichever of them is asked."""
