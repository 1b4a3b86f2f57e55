"""The protocol of the US National Weather Service."""
