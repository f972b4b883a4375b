"""WordPiece, BPE and SentencePiece as TensorFlow graph ops, their Unicode tables, and readers of their files."""
