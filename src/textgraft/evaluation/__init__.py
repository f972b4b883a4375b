"""Metrics, intervals and comparisons of predictions: NumPy and SciPy, no TensorFlow."""
