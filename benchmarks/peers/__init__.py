"""The peers: each a small program that trains on the same rows and is tested on the same texts."""
