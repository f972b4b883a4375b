"""The report of a model: one HTML file of training, results, errors and limits; no TensorFlow."""
