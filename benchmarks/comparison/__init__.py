"""Comparison of textgraft with its peers: peers, jobs, stored results, and their table and figure."""
