"""SentencePiece of ALBERT, DeBERTa and XLM-RoBERTa; token ids equal those of the `tokenizers` library."""

import base64
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import tensorflow as tf
from google.protobuf.message import DecodeError
from sentencepiece import sentencepiece_model_pb2

from textgraft.errors import PresetError
from textgraft.storage.preset_files import read_optional_json, read_preset_lines
from textgraft.tokenizers import tokenizer_json
from textgraft.tokenizers.base import VOCABULARY, SpecialNames, Tokenizer, to_lines
from textgraft.tokenizers.files import (
    KERAS_HUB_SENTENCE_PIECE,
    SCORES,
    SENTENCE_PIECE_MODEL,
    SENTENCE_PIECE_MODELS,
)
from textgraft.tokenizers.sentence_piece_file import character_rules
from textgraft.tokenizers.sentence_piece_ops import CHARACTER_RULES, MARK, SentencePiece
from textgraft.tokenizers.tokenizer_json import TokenizerJson
from textgraft.tokenizers.unigram import Unigram

# Code points of a piece; the search takes a step for each. SentencePiece trains pieces of at most 16 by default.
_MAX_PIECE_LENGTH = 512

_WORD_BONUS = 1e-3  # of the log probability of a word beside its parts

_MAX_CAPITALIZED_SHARE = 0.05  # of the pieces of an uncased model

_ModelProto = sentencepiece_model_pb2.ModelProto
_Piece = _ModelProto.SentencePiece
_UNIGRAM = sentencepiece_model_pb2.TrainerSpec.UNIGRAM

# The normalization of SentencePiece itself; it follows steps that do not name the model's character rules.
_SENTENCE_PIECE_STEPS = (CHARACTER_RULES, "strip_left", "strip_right", "single_spaces")

# Steps by the normalizer of a tokenizer.json; `Replace` by its pattern and content.
_STEPS = {
    "NFC": "nfc",
    "NFKC": "nfkc",
    "NFKD": "nfkd",
    "StripAccents": "strip_accents",
    "Lowercase": "lowercase",
    "Precompiled": CHARACTER_RULES,
}
_REPLACE_STEPS = {
    ("``", '"'): "quotes",
    ("''", '"'): "quotes",
    (" {2,}", " "): "single_spaces",
    (" {2,}", MARK): "single_marks",
    ("\\s{2,}|[\\n\\r\\t]", " "): "spaces",
}
_STRIP_STEPS = {"strip_left": (True, False), "strip_right": (False, True)}  # of the left and of the right end
_SPLITTER_STEP = "whitespace"


class SentencePieceTokenizer(Tokenizer):
    """Reads tokenizer.json, or a SentencePiece model as the `tokenizers` library converts it.

    Attributes:
        model_file_steps: normalization before the model where a preset has only the model file.
    """

    model_file_steps: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        model: bytes,
        vocabulary: Sequence[str],
        special_tokens: Sequence[str],
        steps: Sequence[str] = (),
        stripping: Sequence[str] = (),
        scores: Sequence[float] | None = None,
    ) -> None:
        """Build the graph of a serialized `sentencepiece.ModelProto`, whose pieces are in the vocabulary.

        `scores` are those of the pieces, if not the float32 numbers in the model. For other arguments see
        `SentencePiece`.

        Raises:
            ValueError: when the model is damaged or not a unigram model, or has pieces outside the vocabulary.
        """
        settings: dict[str, Any] = {"special_tokens": list(special_tokens), "steps": list(steps)}
        if stripping:
            settings["stripping"] = list(stripping)
        if scores is not None:
            settings["scores_apart"] = True
        super().__init__(vocabulary, settings)
        self._model, self._scores = model, scores
        ids, proto = {token: token_id for token_id, token in enumerate(vocabulary)}, _parse(model)
        unigram, rules = _unigram(proto, scores, ids), character_rules(proto.normalizer_spec.precompiled_charsmap)
        special_ids = {token: ids[token] for token in special_tokens}
        self._steps = list(steps) if CHARACTER_RULES in steps else [*steps, *_SENTENCE_PIECE_STEPS]
        self._graph = SentencePiece(unigram, rules, special_ids, self._steps, stripping)

    @classmethod
    def from_hugging_face(cls, folder: Path, special: SpecialNames) -> Self:
        if (folder / tokenizer_json.NAME).exists():
            file = TokenizerJson(folder)
            model, steps = _from_json(file)
            vocabulary = file.vocabulary({token: token_id for token_id, (token, _) in enumerate(file.model["vocab"])})
            scores = [tokenizer_json.parsed_as_reference(score) for _, score in file.model["vocab"]]
            added = file.added_tokens
            if added.normalized:
                raise file.unsupported(f"the added token {added.normalized[0]!r:.60} with normalized")
            return cls(model, vocabulary, added.special, steps, added.stripping, scores)
        path = next((folder / name for name in SENTENCE_PIECE_MODELS if (folder / name).exists()), None)
        if path is None:
            raise PresetError(
                f"{folder} has neither tokenizer.json nor {' nor '.join(SENTENCE_PIECE_MODELS)}; copy one into it"
            )
        config = read_optional_json(folder / tokenizer_json.CONFIG)
        unsupported = {"split_by_punct": True, "remove_space": False}
        if "lowercase" not in cls.model_file_steps:
            unsupported["do_lower_case"] = True
        for name, value in unsupported.items():
            if config.get(name) is value:
                raise PresetError(f"{folder}: {name} {value} is not supported; add the preset's tokenizer.json")
        return cls._from_model_file(path, special, config)

    @classmethod
    def from_keras_hub(cls, folder: Path, special: SpecialNames) -> Self:
        path = folder / KERAS_HUB_SENTENCE_PIECE
        if not path.exists():
            raise PresetError(f"{path} is missing; save the preset again")
        # No file says whether the model is uncased. A few pieces of uncased models have capitals, since a trade mark
        # sign becomes TM after lower-casing.
        pieces = [piece.piece for piece in _parse(path.read_bytes()).pieces if piece.type == _Piece.NORMAL]
        uncased = sum(piece != piece.lower() for piece in pieces) < _MAX_CAPITALIZED_SHARE * len(pieces)
        return cls._from_model_file(path, special, {"do_lower_case": uncased, "keep_accents": not uncased})

    @classmethod
    def from_assets(cls, folder: Path, settings: Mapping[str, Any]) -> Self:
        options = dict(settings)
        if options.pop("scores_apart", False):
            options["scores"] = [float(line) for line in read_preset_lines(folder / SCORES)]
        return cls((folder / SENTENCE_PIECE_MODEL).read_bytes(), read_preset_lines(folder / VOCABULARY), **options)

    def assets(self) -> dict[str, bytes]:
        files = {SENTENCE_PIECE_MODEL: self._model, **super().assets()}
        return files if self._scores is None else {**files, SCORES: to_lines(map(repr, self._scores))}

    def with_words(self, words: Sequence[Sequence[int]]) -> tuple[Self, list[Sequence[int]]]:
        proto = _parse(self._model)
        scores = [piece.score for piece in proto.pieces] if self._scores is None else [*self._scores]
        by_token = dict(zip((piece.piece for piece in proto.pieces), scores, strict=True))
        spelled = {"".join(self.vocabulary[token] for token in ids): ids for ids in words}
        known = set(self.vocabulary)
        new = {word: ids for word, ids in spelled.items() if word not in known}
        for word, ids in new.items():
            # More probable than its parts, and less so than any part.
            score = sum(by_token[self.vocabulary[token]] for token in ids) + _WORD_BONUS
            proto.pieces.add(piece=word, score=score)
            scores.append(score)
        settings = {name: value for name, value in self._settings.items() if name != "scores_apart"}
        vocabulary = [*self.vocabulary, *new]
        tokenizer = type(self)(proto.SerializeToString(), vocabulary, **settings, scores=self._scores and scores)
        return tokenizer, [*new.values()]

    def hugging_face_parts(self) -> dict[str, Any]:
        proto = _parse(self._model)
        scores = [piece.score for piece in proto.pieces] if self._scores is None else self._scores
        by_token = dict(zip((piece.piece for piece in proto.pieces), scores, strict=True))
        unknown = next(piece.piece for piece in proto.pieces if piece.type == _Piece.UNKNOWN)
        ids = {token: token_id for token_id, token in enumerate(self.vocabulary)}
        size = 1 + max(ids[token] for token in by_token)  # the tokens after them are added ones
        charsmap = proto.normalizer_spec.precompiled_charsmap
        metaspace = {"type": "Metaspace", "replacement": MARK, "prepend_scheme": "always", "split": True}
        splitters = [{"type": "WhitespaceSplit"}] if _SPLITTER_STEP in self._steps else []
        normalizers = [part for step in self._steps for part in _normalizers(step, charsmap)]
        return {
            "normalizer": {"type": "Sequence", "normalizers": normalizers} if normalizers else None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": [*splitters, metaspace]} if splitters else metaspace,
            "model": {
                "type": "Unigram",
                "unk_id": ids[unknown],
                "byte_fallback": False,
                "vocab": [[token, by_token.get(token, 0.0)] for token in self.vocabulary[:size]],
            },
            "decoder": metaspace,
        }

    def __call__(self, texts: tf.Tensor) -> tf.RaggedTensor:
        return self._graph(texts)

    @classmethod
    def _from_model_file(cls, path: Path, special: SpecialNames, config: Mapping[str, Any]) -> Self:
        model = path.read_bytes()
        pieces = [piece.piece for piece in _parse(model).pieces]
        omitted = set() if config.get("do_lower_case", True) else {"lowercase"}
        if config.get("keep_accents", False):
            omitted |= {"nfkd", "strip_accents"}
        steps = [step for step in cls.model_file_steps if step not in omitted]
        vocabulary, added = tokenizer_json.with_added_tokens(_arrange(pieces, special), path.parent, normalizes=True)
        if more := [token for token in added.normalized if token not in special.all]:
            raise PresetError(
                f"{path.parent}: the added token {more[0]!r:.40} needs a tokenizer.json; add the preset's"
            )
        return cls(model, vocabulary, tuple(dict.fromkeys((*special.all, *added.special))), steps)


class LowercasingSentencePieceTokenizer(SentencePieceTokenizer):
    """ALBERT's tokenizer: unifies quotes, strips accents and lower-cases letters before the model."""

    model_file_steps = ("quotes", "nfkd", "strip_accents", "lowercase")


def _arrange(pieces: Sequence[str], special: SpecialNames) -> list[str]:
    """The vocabulary of a model file; fairseq's models lack padding, and their first three pieces are replaced."""
    vocabulary = list(pieces)
    if special.pad not in pieces:
        fairseq = (special.start, special.pad, special.end, special.unknown)
        vocabulary = [name for name in fairseq if name is not None] + vocabulary[3:]
    mask = [] if special.mask is None or special.mask in vocabulary else [special.mask]
    return vocabulary + mask


def _from_json(file: TokenizerJson) -> tuple[bytes, list[str]]:
    """A SentencePiece model equivalent to a tokenizer.json, and its normalization steps."""
    file.require(file.model, type=("Unigram",), byte_fallback=(False,))
    unknown = file.model.get("unk_id")
    if unknown is None:
        raise file.unsupported("no token for unknown letters")
    proto, special = _ModelProto(), set(file.added_tokens.special)
    for token_id, (token, score) in enumerate(file.model["vocab"]):
        kind = _Piece.UNKNOWN if token_id == unknown else _Piece.CONTROL if token in special else _Piece.NORMAL
        proto.pieces.add(piece=token, score=score, type=kind)
    proto.trainer_spec.model_type = _UNIGRAM
    proto.trainer_spec.unk_id = unknown
    for name, tokens in {"pad_id": ("<pad>", "[PAD]"), "bos_id": ("<s>", "[CLS]"), "eos_id": ("</s>", "[SEP]")}.items():
        token_ids = (token_id for token_id, (token, _) in enumerate(file.model["vocab"]) if token in tokens)
        setattr(proto.trainer_spec, name, next(token_ids, -1))
    proto.normalizer_spec.name, proto.normalizer_spec.add_dummy_prefix = "custom", True
    charsmaps = [step["precompiled_charsmap"] for step in file.normalizers if step.get("type") == "Precompiled"]
    if charsmaps:
        proto.normalizer_spec.precompiled_charsmap = base64.b64decode(charsmaps[0])
    steps = [step for part in file.normalizers for step in _steps_of(part, file)] + _splitter_steps(file)
    steps = list(dict.fromkeys(steps))
    return proto.SerializeToString(), steps if CHARACTER_RULES in steps else [*steps, CHARACTER_RULES]


def _steps_of(normalizer: Mapping[str, Any], file: TokenizerJson) -> list[str]:
    kind = normalizer.get("type")
    if kind == "Strip":
        return [f"strip_{side}" for side in ("left", "right") if normalizer.get(f"strip_{side}")]
    if kind == "Replace":
        (pattern,) = normalizer["pattern"].values()
        if (pattern, normalizer["content"]) not in _REPLACE_STEPS:
            raise file.unsupported(f"the replacement of {pattern!r:.40}")
        return [_REPLACE_STEPS[pattern, normalizer["content"]]]
    if kind not in _STEPS:
        raise file.unsupported(f"the normalizer {kind}")
    return [_STEPS[kind]]


def _splitter_steps(file: TokenizerJson) -> list[str]:
    """The step that splits at white space, if any; the graph always adds marks and splits at them."""
    kinds = [splitter.get("type") for splitter in file.splitters]
    if kinds not in (["Metaspace"], ["WhitespaceSplit", "Metaspace"]):
        raise file.unsupported(f"the splitters {', '.join(map(str, kinds)) or 'none'}")
    file.require(
        file.splitters[-1], replacement=(MARK,), prepend_scheme=("always",), add_prefix_space=(True,), split=(True,)
    )
    return [_SPLITTER_STEP] if len(kinds) > 1 else []


def _normalizers(step: str, charsmap: bytes) -> list[dict[str, Any]]:
    """The normalizers of a tokenizer.json that compute a step; `charsmap` is that of the model."""
    if step in _STRIP_STEPS:
        left, right = _STRIP_STEPS[step]
        return [{"type": "Strip", "strip_left": left, "strip_right": right}]
    if step == CHARACTER_RULES:
        encoded = base64.b64encode(charsmap).decode("ascii")
        return [{"type": "Precompiled", "precompiled_charsmap": encoded}] if charsmap else []
    if kind := next((kind for kind, name in _STEPS.items() if name == step), ""):
        return [{"type": kind}]
    return [
        {"type": "Replace", "pattern": {"String" if step == "quotes" else "Regex": pattern}, "content": content}
        for (pattern, content), name in _REPLACE_STEPS.items()
        if name == step
    ]


def _unigram(proto: Any, scores: Sequence[float] | None, ids: Mapping[str, int]) -> Unigram:
    """A model's pieces with the ids of a vocabulary; `scores` replaces the model's own."""
    pieces = [piece.piece for piece in proto.pieces]
    scores = [piece.score for piece in proto.pieces] if scores is None else scores
    if missing := [piece for piece in pieces if piece not in ids]:
        raise ValueError(f"the vocabulary lacks {missing[0]!r:.40}, a piece of the SentencePiece model")
    if (length := max(map(len, pieces))) > _MAX_PIECE_LENGTH:
        raise ValueError(f"a piece has {length:,} characters; the maximum is {_MAX_PIECE_LENGTH}")
    unknown = [piece.piece for piece in proto.pieces if piece.type == _Piece.UNKNOWN]
    if not all(pieces) or not all(map(math.isfinite, scores)) or len(unknown) != 1:
        raise ValueError("its SentencePiece model has an empty piece, an infinite score, or not one unknown piece")
    return Unigram(pieces, scores, [ids[piece] for piece in pieces], ids[unknown[0]])


def _parse(model: bytes) -> Any:
    try:
        proto = _ModelProto.FromString(model)
    except DecodeError as error:
        raise ValueError(f"its SentencePiece model is damaged: {error}") from error
    if not proto.pieces or proto.trainer_spec.model_type != _UNIGRAM or proto.trainer_spec.byte_fallback:
        raise ValueError("its SentencePiece model is not a unigram model, or falls back to bytes")
    return proto
