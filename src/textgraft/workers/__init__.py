"""Worker processes that share the steps of a training run, and the messages between them; no TensorFlow."""
