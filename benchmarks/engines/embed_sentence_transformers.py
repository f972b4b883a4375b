"""Embeddings by sentence-transformers.

python -m benchmarks.engines.embed_sentence_transformers FOLDER TEXTS float32
"""

from sentence_transformers import SentenceTransformer

from benchmarks.engines import embedder


def main() -> None:
    """Serve, with default settings."""
    folder, texts, _ = embedder.arguments()
    model = SentenceTransformer(folder, device="cpu")
    model.max_seq_length = embedder.SEQUENCE_LENGTH
    embedder.serve(model.encode, texts)


if __name__ == "__main__":
    main()
