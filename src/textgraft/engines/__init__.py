"""Engines that compute token vectors in place of TensorFlow, for prediction only."""
