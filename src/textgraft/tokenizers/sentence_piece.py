"""SentencePiece: a .model file, or tokenizer.json alone."""

import base64
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import tensorflow as tf
from google.protobuf.message import DecodeError
from sentencepiece import sentencepiece_model_pb2

from textgraft.errors import PresetError
from textgraft.storage.preset_files import read_lines, read_optional_json
from textgraft.tokenizers import tokenizer_json
from textgraft.tokenizers.base import SpecialNames, Tokenizer, require_special
from textgraft.tokenizers.charsmap import character_rules
from textgraft.tokenizers.sentence_piece_ops import CHARACTERS, MARK, Model, SentencePiece
from textgraft.tokenizers.tokenizer_json import TokenizerJson

_MODEL, _SCORES, _VOCABULARY = "spiece.model", "scores.txt", "vocab.txt"
_APART = "scores_apart"
_CLASSIC = ("spiece.model", "sentencepiece.bpe.model", "spm.model")
_KERAS_HUB = "assets/tokenizer/vocabulary.spm"
_FEW = 0.05

_ModelProto = sentencepiece_model_pb2.ModelProto
_Piece = _ModelProto.SentencePiece
_UNIGRAM = sentencepiece_model_pb2.TrainerSpec.UNIGRAM

# What SentencePiece itself does before it splits; after steps that do not name the model's table of characters.
_CLASSIC_STEPS = (CHARACTERS, "strip_left", "strip_right", "single_spaces")

# What the normalizers of a tokenizer.json are called here.
_STEPS = {
    "NFC": "nfc",
    "NFKC": "nfkc",
    "NFKD": "nfkd",
    "StripAccents": "strip_accents",
    "Lowercase": "lowercase",
    "Precompiled": CHARACTERS,
}
_REPLACEMENTS = {
    ("``", '"'): "quotes",
    ("''", '"'): "quotes",
    (" {2,}", " "): "single_spaces",
    (" {2,}", MARK): "single_marks",
    ("\\s{2,}|[\\n\\r\\t]", " "): "spaces",
}


class SentencePieceTokenizer(Tokenizer):
    """Ids equal those of the `tokenizers` library, which makes one of its own of a .model file.

    Attributes:
        classic_steps: what a family does to a text before the model, where only the .model file is there.
    """

    classic_steps: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        model: bytes,
        vocabulary: Sequence[str],
        special_tokens: Sequence[str],
        steps: Sequence[str] = (),
        stripping: Sequence[str] = (),
        scores: Sequence[float] | None = None,
    ) -> None:
        """Build the graph.

        Args:
            model: a serialized `sentencepiece.ModelProto`.
            vocabulary: tokens in the order of their ids, all pieces of the model among them.
            special_tokens: found whole in a text.
            steps: see `text.sentence_piece.STEPS`.
            stripping: those of the special tokens that take the white space before them along.
            scores: of the model's pieces, where they are not those in the model, which are float32.

        Raises:
            ValueError: when the model is damaged or none of SentencePiece's unigram models, or has unknown pieces.
        """
        require_special(vocabulary, special_tokens)
        self.vocabulary = list(vocabulary)
        self._model, self._scores = model, scores
        self._settings: dict[str, Any] = {"special_tokens": list(special_tokens), "steps": list(steps)}
        if stripping:
            self._settings["stripping"] = list(stripping)
        if scores is not None:
            self._settings[_APART] = True
        ids = {token: number for number, token in enumerate(vocabulary)}
        special = {token: ids[token] for token in special_tokens}
        all_steps = steps if CHARACTERS in steps else [*steps, *_CLASSIC_STEPS]
        self._graph = SentencePiece(_model(_parsed(model), scores, ids), special, all_steps, stripping)

    @classmethod
    def from_hugging_face(cls, folder: Path, special: SpecialNames) -> Self:
        """tokenizer.json, or one of the .model files."""
        if file := TokenizerJson.of(folder):
            model, steps = _from_json(file)
            vocabulary = file.vocabulary({token: number for number, (token, _) in enumerate(file.model["vocab"])})
            scores = [tokenizer_json.number_as_read(score) for _, score in file.model["vocab"]]
            return cls(model, vocabulary, file.added_tokens.special, steps, file.added_tokens.stripping, scores)
        path = next((folder / name for name in _CLASSIC if (folder / name).exists()), None)
        if path is None:
            raise PresetError(
                f"{folder}: neither tokenizer.json nor {' nor '.join(_CLASSIC)} is there; copy one into it"
            )
        config = read_optional_json(folder / tokenizer_json.CONFIG)
        for name, wanted in {"do_lower_case": True, "split_by_punct": True, "remove_space": False}.items():
            known = name == "do_lower_case" and "lowercase" in cls.classic_steps
            if config.get(name) is wanted and not known:
                raise PresetError(f"{folder}: {name} is {wanted}, which is not computed; give its tokenizer.json")
        return cls._classic(path, special, config)

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
        """spiece.model, vocab.txt, and scores.txt where the settings say so."""
        rest = {name: value for name, value in settings.items() if name != _APART}
        scores = [float(line) for line in read_lines(folder / _SCORES)] if settings.get(_APART) else None
        return cls((folder / _MODEL).read_bytes(), read_lines(folder / _VOCABULARY), **rest, scores=scores)

    def settings(self) -> dict[str, Any]:
        """Which tokens are found whole, what is done to a text before the model, and whether there is a scores.txt."""
        return self._settings

    def assets(self) -> dict[str, bytes]:
        """The model; vocab.txt, a token a line; and scores.txt, a number a line, where they are not the model's own."""
        files = {_MODEL: self._model, _VOCABULARY: _lines(self.vocabulary)}
        return files if self._scores is None else {**files, _SCORES: _lines(map(repr, self._scores))}

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


class LowercasingSentencePieceTokenizer(SentencePieceTokenizer):
    """ALBERT's: quotes unified, accents stripped and letters lower-cased before the model."""

    classic_steps = ("quotes", "nfkd", "strip_accents", "lowercase")


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
    if unknown is None:
        raise file.refusal("no token for unknown letters")
    for number, (token, score) in enumerate(file.model["vocab"]):
        kind = _Piece.UNKNOWN if number == unknown else _Piece.CONTROL if token in special else _Piece.NORMAL
        proto.pieces.add(piece=token, score=score, type=kind)
    proto.trainer_spec.model_type = _UNIGRAM
    proto.trainer_spec.unk_id = unknown
    for name, places in {"pad_id": ("<pad>", "[PAD]"), "bos_id": ("<s>", "[CLS]"), "eos_id": ("</s>", "[SEP]")}.items():
        place = [number for number, (token, _) in enumerate(file.model["vocab"]) if token in places]
        setattr(proto.trainer_spec, name, place[0] if place else -1)
    proto.normalizer_spec.name, proto.normalizer_spec.add_dummy_prefix = "custom", True
    tables = [step["precompiled_charsmap"] for step in file.normalizers if step.get("type") == "Precompiled"]
    if tables:
        proto.normalizer_spec.precompiled_charsmap = base64.b64decode(tables[0])
    steps = [step for part in file.normalizers for step in _steps_of(part, file)] + _splitting(file)
    steps = list(dict.fromkeys(steps))
    return proto.SerializeToString(), steps if CHARACTERS in steps else [*steps, CHARACTERS]


def _steps_of(part: Mapping[str, Any], file: TokenizerJson) -> list[str]:
    """What a normalizer is called here."""
    kind = part.get("type")
    if kind == "Strip":
        return [f"strip_{side}" for side in ("left", "right") if part.get(f"strip_{side}")]
    if kind == "Replace":
        pattern = next(iter(part["pattern"].values()))
        if (pattern, part["content"]) not in _REPLACEMENTS:
            raise file.refusal(f"the replacement of {pattern!r:.40}")
        return [_REPLACEMENTS[pattern, part["content"]]]
    if kind not in _STEPS:
        raise file.refusal(f"the normalizer {kind}")
    return [_STEPS[kind]]


def _splitting(file: TokenizerJson) -> list[str]:
    """The step that splits by white space, if there is one; marks are put in and split by in any case."""
    kinds = [splitter.get("type") for splitter in file.splitters]
    if kinds not in (["Metaspace"], ["WhitespaceSplit", "Metaspace"]):
        raise file.refusal(f"the splitters {', '.join(map(str, kinds)) or 'none'}")
    file.require(
        file.splitters[-1], replacement=(MARK,), prepend_scheme=("always",), add_prefix_space=(True,), split=(True,)
    )
    return ["whitespace"] if len(kinds) > 1 else []


def _model(proto: Any, scores: Sequence[float] | None, ids: Mapping[str, int]) -> Model:
    """A model's pieces, with the ids of a vocabulary; with its own scores where there are no others."""
    pieces = [piece.piece for piece in proto.pieces]
    scores = [piece.score for piece in proto.pieces] if scores is None else scores
    if missing := [piece for piece in pieces if piece not in ids]:
        raise ValueError(f"the vocabulary lacks {missing[0]!r:.40}, which the SentencePiece model has")
    unknown = [piece.piece for piece in proto.pieces if piece.type == _Piece.UNKNOWN]
    if not all(pieces) or not all(map(math.isfinite, scores)) or len(unknown) != 1:
        raise ValueError("its SentencePiece model has an empty piece, an endless score, or not one unknown piece")
    rules = character_rules(proto.normalizer_spec.precompiled_charsmap)
    return Model(pieces, scores, [ids[piece] for piece in pieces], ids[unknown[0]], rules)


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _parsed(model: bytes) -> Any:
    try:
        proto = _ModelProto.FromString(model)
    except DecodeError as error:
        raise ValueError(f"its SentencePiece model is damaged: {error}") from error
    if not proto.pieces or proto.trainer_spec.model_type != _UNIGRAM or proto.trainer_spec.byte_fallback:
        raise ValueError("its SentencePiece model is no unigram model, or one that falls back to bytes")
    return proto
