"""Commands for those who write configurations and plug-ins."""
