"""Protocols of the server, one per module; see `serving.protocol`."""
