"""The daemon process: lifecycle, wiring, reload, signals, systemd, status."""
