"""HTTP interface of the daemon: health checks, metrics, JSON API, event stream and web page.

The interface is read-only, except that a client with the token can request a reload.
"""
