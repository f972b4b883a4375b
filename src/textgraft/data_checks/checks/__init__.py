"""Checks of data, one per file: each yields its findings."""
