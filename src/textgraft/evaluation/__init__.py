"""Numbers about predictions: numpy and scikit-learn, no TensorFlow."""
