"""The running process: lifecycle, wiring, reload, signals, systemd, status."""
