"""Names of families by kind."""

from textgraft.backbones.family import TransformerFamily, families

TRANSFORMERS = tuple(name for name, family in families().items() if isinstance(family, TransformerFamily))
