"""The pipeline from the queue to the journal, the sinks and the forwarders."""
