"""Checks of data before training: repeated texts, leaks, wrong labels, drift and personal data; no TensorFlow."""
