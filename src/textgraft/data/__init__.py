"""Texts and labels: read from files in order, with bounded memory and without TensorFlow."""
