"""Metrics, intervals, calibration and comparisons of predictions: NumPy, SciPy and scikit-learn, no TensorFlow."""
