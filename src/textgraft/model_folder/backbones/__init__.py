"""One file, one model family: what a model folder must hold of it. Nothing here needs TensorFlow."""
