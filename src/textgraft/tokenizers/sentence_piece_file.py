"""A serialized SentencePiece model, read as far as its table of characters; without the library.

The numbers of the fields are those of sentencepiece_model.proto.
"""

from pathlib import Path

from textgraft.errors import ModelFolderError
from textgraft.protobuf import messages
from textgraft.tokenizers.charsmap import character_rules

_PIECES, _NORMALIZER = 1, 3
_TABLE = 2


def require_sound_model(model: bytes, place: Path) -> int:
    """Refuse a model that cannot be read, or whose table of characters cannot.

    Args:
        model: a serialized `sentencepiece.ModelProto`.
        place: what a message calls it.

    Returns:
        How many pieces it has.

    Raises:
        ModelFolderError: when it is malformed.
    """
    try:
        for specification in messages(model, _NORMALIZER):
            for table in messages(specification, _TABLE):
                character_rules(table)
        return len(messages(model, _PIECES))
    except ValueError as error:
        raise ModelFolderError(f"{place} is refused: {error}; copy the model folder again") from error
