"""Formats of published transformers, one per file."""
