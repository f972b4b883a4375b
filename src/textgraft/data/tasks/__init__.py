"""One file, one task: what its data must be. Nothing here needs TensorFlow."""
