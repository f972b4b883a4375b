"""Embeddings by textgraft: `python -m benchmarks.engines.embed_textgraft FOLDER TEXTS tensorflow|onnx|int8`."""

import textgraft as tg
from benchmarks.engines import embedder

_PROVING_TEXTS = 200  # that int8 is compared on


def main() -> None:
    """Serve; int8 proves itself first on the last texts."""
    folder, texts, engine = embedder.arguments()
    name = "tensorflow" if engine == "tensorflow" else "onnx"
    model = tg.TextEmbedder(folder, engine=name, pooling="mean", sequence_length=embedder.SEQUENCE_LENGTH)
    if engine == "int8":
        model.quantize(texts[-_PROVING_TEXTS:])
    embedder.serve(model.predict, texts)


if __name__ == "__main__":
    main()
