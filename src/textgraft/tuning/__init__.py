"""Choosing a model on validation texts: what is tried, in which order, and what came of it."""
