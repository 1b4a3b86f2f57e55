"""Notifications of alerts: the message, and the senders that deliver it to the targets of the rules file."""
