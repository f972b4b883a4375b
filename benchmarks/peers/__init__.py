"""Peers: programs that train on the same rows and are tested on the same texts."""
