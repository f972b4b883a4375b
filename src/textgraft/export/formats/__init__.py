"""Formats of exported models: each file defines one."""
