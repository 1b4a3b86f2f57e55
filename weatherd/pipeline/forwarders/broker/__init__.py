"""A connection to an MQTT broker with paho-mqtt, which is an optional library."""
