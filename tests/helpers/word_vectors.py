"""A text embedding of TF-Hub that is loaded again and again."""

from pathlib import Path

from textgraft.backbones.word_vectors import WordVectors


def read_once(module: Path, copy: Path, patch) -> None:
    """Let later backbones of a module be those of a model folder, which are built in half the time.

    Args:
        module: its folder.
        copy: an empty folder for what a model folder holds.
        patch: of pytest, which undoes it.
    """
    read, first = WordVectors.from_pretrained.__func__, []

    def from_pretrained(cls, family, path, origin, precision, vocabulary_limit):
        if path != module:
            return read(cls, family, path, origin, precision, vocabulary_limit)
        if first:
            config, vectors = first
            backbone = cls.from_config(family, config, copy, origin, precision)
            backbone.token_embedding.vectors.assign(vectors)
            return backbone
        backbone = read(cls, family, path, origin, precision, vocabulary_limit)
        for name, content in backbone.assets().items():
            (copy / name).write_bytes(content)
        first.extend((backbone.config(), backbone.token_embedding.vectors.numpy()))
        return backbone

    patch.setattr(WordVectors, "from_pretrained", classmethod(from_pretrained))
