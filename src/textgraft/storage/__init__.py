"""Files on disk: atomic folders, locks, caches, strict JSON and safetensors, without TensorFlow."""
