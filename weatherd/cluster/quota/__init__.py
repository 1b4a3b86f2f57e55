"""Division of the plans of the services among the nodes."""
