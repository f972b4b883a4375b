"""One file, one task: what a model folder must hold of it. Nothing here needs TensorFlow."""
