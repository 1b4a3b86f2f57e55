"""From the queue to the journal, the sinks and the forwarders."""
