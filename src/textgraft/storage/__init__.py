"""What is written to disk: atomic folders and files, locks, caches, strict JSON. Nothing here needs TensorFlow."""
