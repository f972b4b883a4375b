"""One file, one format in which the weights of transformers are published."""
