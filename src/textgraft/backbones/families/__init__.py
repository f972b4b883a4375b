"""One file per model family, with everything particular to it; no file here imports TensorFlow on import."""
