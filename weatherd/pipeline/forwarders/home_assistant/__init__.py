"""Cities as devices of Home Assistant, by MQTT discovery."""
