"""SentencePiece: a .model file, or tokenizer.json alone."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import tensorflow as tf
from google.protobuf.message import DecodeError
from sentencepiece import sentencepiece_model_pb2

from textgraft.backbones.files import read_json_if_there, read_lines
from textgraft.backbones.tokenizers import tokenizer_json
from textgraft.backbones.tokenizers.base import SpecialNames, Tokenizer, require_special
from textgraft.backbones.tokenizers.tokenizer_json import TokenizerJson
from textgraft.errors import PresetError
from textgraft.text.sentence_piece import SentencePiece

_MODEL, _VOCABULARY = "spiece.model", "vocab.txt"
_CLASSIC = ("spiece.model", "sentencepiece.bpe.model", "spm.model")
_KERAS_HUB = "assets/tokenizer/vocabulary.spm"
_FEW = 0.05

_ModelProto = sentencepiece_model_pb2.ModelProto
_Piece = _ModelProto.SentencePiece
_UNIGRAM = sentencepiece_model_pb2.TrainerSpec.UNIGRAM

# What the normalizers of a tokenizer.json are called here; those that the model does by itself are none.
_STEPS = {
    "NFC": "nfc",
    "NFKC": "nfkc",
    "NFKD": "nfkd",
    "StripAccents": "strip_accents",
    "Lowercase": "lowercase",
    "Strip": None,
}
_REPLACEMENTS = {
    ("``", '"'): "quotes",
    ("''", '"'): "quotes",
    (" {2,}", " "): None,
    ("\\s{2,}|[\\n\\r\\t]", " "): "spaces",
}


class SentencePieceTokenizer(Tokenizer):
    """Ids equal those of the `tokenizers` library, or of the `sentencepiece` library where there is a .model file only.

    Attributes:
        classic_steps: what a family does to a text before the model, where only the .model file is there.
    """

    classic_steps: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self, model: bytes, vocabulary: Sequence[str], special_tokens: Sequence[str], steps: Sequence[str] = ()
    ) -> None:
        """Build the graph.

        Args:
            model: a serialized `sentencepiece.ModelProto`.
            vocabulary: tokens in the order of their ids, all pieces of the model among them.
            special_tokens: found whole in a text.
            steps: see `text.sentence_piece.STEPS`.

        Raises:
            ValueError: when the model is damaged or none of SentencePiece's unigram models, or has unknown pieces.
        """
        require_special(vocabulary, special_tokens)
        self.vocabulary = list(vocabulary)
        self._model = model
        self._settings = {"special_tokens": list(special_tokens), "steps": list(steps)}
        ids = {token: number for number, token in enumerate(vocabulary)}
        pieces = [piece.piece for piece in _parsed(model).pieces]
        if unknown := [piece for piece in pieces if piece not in ids]:
            raise ValueError(f"the vocabulary lacks {unknown[0]!r:.40}, which the SentencePiece model has")
        special = {token: ids[token] for token in special_tokens}
        self._graph = SentencePiece(model, [ids[piece] for piece in pieces], special, steps)

    @classmethod
    def from_hugging_face(cls, folder: Path, special: SpecialNames) -> Self:
        """tokenizer.json, or one of the .model files."""
        if file := TokenizerJson.of(folder):
            model, steps = _from_json(file)
            vocabulary = file.vocabulary({token: number for number, (token, _) in enumerate(file.model["vocab"])})
            return cls(model, vocabulary, file.added_tokens.special, steps)
        path = next((folder / name for name in _CLASSIC if (folder / name).exists()), None)
        if path is None:
            raise PresetError(
                f"{folder}: neither tokenizer.json nor {' nor '.join(_CLASSIC)} is there; copy one into it"
            )
        return cls._classic(path, special, read_json_if_there(folder / tokenizer_json.CONFIG))

    @classmethod
    def from_keras_hub(cls, folder: Path, special: SpecialNames) -> Self:
        """assets/tokenizer/vocabulary.spm; uncased when hardly a piece has a capital letter, since no file says it."""
        path = folder / _KERAS_HUB
        if not path.exists():
            raise PresetError(f"{path} is missing; save the preset again")
        pieces = [piece.piece for piece in _parsed(path.read_bytes()).pieces if piece.type == _Piece.NORMAL]
        # Not none: a trade mark sign becomes TM after the text was lower-cased.
        uncased = sum(piece != piece.lower() for piece in pieces) < _FEW * len(pieces)
        return cls._classic(path, special, {"do_lower_case": uncased, "keep_accents": not uncased})

    @classmethod
    def from_assets(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        """spiece.model and vocab.txt."""
        return cls((folder / _MODEL).read_bytes(), read_lines(folder / _VOCABULARY), **settings)

    def settings(self) -> dict[str, Any]:
        """Which tokens are found whole, and what is done to a text before the model."""
        return self._settings

    def assets(self) -> dict[str, bytes]:
        """The model, and vocab.txt, a token a line."""
        return {_MODEL: self._model, _VOCABULARY: "".join(f"{token}\n" for token in self.vocabulary).encode()}

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """SentencePiece."""
        return self._graph(texts)

    @classmethod
    def _classic(cls, path: Path, special: SpecialNames, config: Mapping[str, Any]) -> Self:
        model = path.read_bytes()
        pieces = [piece.piece for piece in _parsed(model).pieces]
        off = {
            step
            for step, is_off in {
                "lowercase": not config.get("do_lower_case", True),
                **dict.fromkeys(("nfkd", "strip_accents"), config.get("keep_accents", False)),
            }.items()
            if is_off
        }
        steps = [step for step in cls.classic_steps if step not in off]
        return cls(model, _arranged(pieces, special), special.all, steps)


def _arranged(pieces: Sequence[str], special: SpecialNames) -> list[str]:
    """The vocabulary of a model file: fairseq's models come without padding, and get special tokens of their own."""
    vocabulary = list(pieces)
    if special.pad not in pieces:
        fairseq = (special.start, special.pad, special.end, special.unknown)
        vocabulary = [name for name in fairseq if name is not None] + vocabulary[3:]
    mask = [] if special.mask is None or special.mask in vocabulary else [special.mask]
    return vocabulary + mask


def _from_json(file: TokenizerJson) -> tuple[bytes, list[str]]:
    """A SentencePiece model that does what a tokenizer.json says, and the steps before it."""
    file.require(file.model, type=("Unigram",), byte_fallback=(False,))
    proto = _ModelProto()
    special, unknown = set(file.added_tokens.special), file.model.get("unk_id")
    for number, (token, score) in enumerate(file.model["vocab"]):
        kind = _Piece.UNKNOWN if number == unknown else _Piece.CONTROL if token in special else _Piece.NORMAL
        proto.pieces.add(piece=token, score=score, type=kind)
    proto.trainer_spec.model_type = _UNIGRAM
    proto.trainer_spec.unk_id = unknown
    for name, places in {"pad_id": ("<pad>", "[PAD]"), "bos_id": ("<s>", "[CLS]"), "eos_id": ("</s>", "[SEP]")}.items():
        place = [number for number, (token, _) in enumerate(file.model["vocab"]) if token in places]
        setattr(proto.trainer_spec, name, place[0] if place else -1)
    steps = _steps(file, proto.normalizer_spec)
    return proto.SerializeToString(), steps


def _steps(file: TokenizerJson, spec: Any) -> list[str]:
    """Names of the steps before the model; the table of characters goes to its specification."""
    steps: list[str | None] = []
    spec.name, spec.add_dummy_prefix, spec.remove_extra_whitespaces = "custom", True, True
    for step in file.normalizers:
        kind = step.get("type")
        if kind == "Precompiled":
            spec.precompiled_charsmap = base64.b64decode(step["precompiled_charsmap"])
        elif kind == "Replace":
            pattern = next(iter(step["pattern"].values()))
            if (pattern, step["content"]) not in _REPLACEMENTS:
                raise file.refusal(f"the replacement of {pattern!r:.40}")
            steps.append(_REPLACEMENTS[pattern, step["content"]])
        elif kind in _STEPS:
            steps.append(_STEPS[kind])
        else:
            raise file.refusal(f"the normalizer {kind}")
    for splitter in file.splitters:
        file.require(splitter, type=("WhitespaceSplit", "Metaspace"), replacement=("▁",), prepend_scheme=("always",))
        if splitter["type"] == "WhitespaceSplit":
            steps.append("whitespace")
    return list(dict.fromkeys(step for step in steps if step))


def _parsed(model: bytes) -> Any:
    try:
        proto = _ModelProto.FromString(model)
    except DecodeError as error:
        raise ValueError(f"its SentencePiece model is damaged: {error}") from error
    if not proto.pieces or proto.trainer_spec.model_type != _UNIGRAM:
        raise ValueError("its SentencePiece model is no unigram model")
    return proto
