"""Strings to token ids, written once as TensorFlow graph ops."""
