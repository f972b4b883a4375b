"""The charts of a report, one per file."""
