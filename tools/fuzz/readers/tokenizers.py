"""Readers of tokenizers: tokenizer.json and SentencePiece models, and the graphs that are built from them."""

import base64
import io
import json
import random
import shutil
import tempfile
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import sentencepiece
import tensorflow as tf
from sentencepiece import sentencepiece_model_pb2
from tools.character_tables import character_table
from tools.fuzz.changes import JSON, PROTOBUF
from tools.fuzz.inputs import Choices, split_input
from tools.fuzz.readers import Reader
from tools.fuzz.readers.configs import GOLDEN
from tools.fuzz.watching import require

import tokenizers as reference
from textgraft.backbones.family import TransformerFamily, load_family
from textgraft.backbones.formats.hugging_face import HuggingFaceFormat
from textgraft.backbones.preset_errors import preset_errors
from textgraft.tokenizers.base import Tokenizer
from textgraft.tokenizers.files import (
    BytePairFiles,
    LowercasingSentencePieceFiles,
    SentencePieceFiles,
    WordPieceFiles,
)
from textgraft.tokenizers.sentence_piece_file import check_sentence_piece_model

_FOLDER = Path(tempfile.mkdtemp(prefix="fuzz-tokenizers-"))
_FAMILIES = {
    b'"Unigram"': ("albert", "deberta_v3", "xlm_roberta", "bert_sentence_piece"),
    b'"vocab.json"': ("gpt2", "roberta", "opt"),
    b'"BPE"': ("gpt2", "roberta", "opt"),
    b"": ("bert", "distil_bert", "electra"),
}
_TEXTS = (
    "", " ", "a", "the film was  good", "Ärger e\u0301tude \ufb01ne", "\u4e2d\u6587 \U0001f600\u200d",
    "[MASK] <mask> [UNK]</s>", "don't 1,234 \t\n x" + "y" * 120, "\u00a0\u2581\u0120 ##a", "THE FILM Was Good\r\n",
)  # fmt: skip
_RULES = {"\ufb01": "fi", "\u2460": "1", "\u00a0": " ", "A": "a", "e\u0301": "\u00e9", "\u200b": ""}
# One of this number of inputs runs the graph, since its operations take long outside a function that is traced.
_SHARES = {WordPieceFiles: 2, BytePairFiles: 6, SentencePieceFiles: 20, LowercasingSentencePieceFiles: 20}
_CLASSIC = ("vocab.txt", "vocab.json", "merges.txt", "added_tokens.json", "tokenizer_config.json")
_KEPT = 96  # tokens of a vocabulary
_CORPUS = ("the film was good and long", "a bad plot, a dull film", "ärger und étude 中文", "not bad at all: good!") * 8


def _family(names: Sequence[str], content: bytes, choices: Choices) -> TransformerFamily:
    """One of these families, mostly one whose special tokens are in the content, except those that it adds itself."""
    families = [family for family in map(load_family, names) if isinstance(family, TransformerFamily)]
    suited = [
        family
        for family in families
        if all(token.encode() in content for token in (family.special.unknown, family.special.start or ""))
    ]
    return choices.pick(families if choices.rarely(8) or not suited else suited)


def _empty_folder() -> None:
    shutil.rmtree(_FOLDER)
    _FOLDER.mkdir()


def _read_tokenizer(family: TransformerFamily) -> Tokenizer:
    """Read the tokenizer of the folder, as loading a preset does."""
    weights_format = next(form for form in family.formats if isinstance(form, HuggingFaceFormat))
    with preset_errors(f"{_FOLDER}: cannot use its tokenizer"):
        return weights_format.read_tokenizer(_FOLDER, family.tokenizer_class, family.special)


def _ids(tokenizer: Tokenizer, texts: Sequence[str]) -> list[list[int]]:
    ids: list[list[int]] = tokenizer(tf.constant([text.encode() for text in texts])).to_list()
    size = len(tokenizer.vocabulary)
    require(all(0 <= token_id < size for row in ids for token_id in row), "an id outside the vocabulary")
    return ids


def _check_tokenizer(tokenizer: Tokenizer, content: bytes, choices: Choices, family: TransformerFamily) -> None:
    """Store and rebuild a tokenizer, as a model folder does, and run its graph for a share of the inputs."""
    folder = _FOLDER / "stored"
    folder.mkdir()
    for name, file in tokenizer.assets().items():
        (folder / name).write_bytes(file)
    settings = json.loads(json.dumps(tokenizer.settings()))
    family.tokenizer.settings.check(settings, "settings")
    family.tokenizer.check(settings, folder, len(tokenizer.vocabulary), family.special)
    if not choices.rarely(_SHARES[type(family.tokenizer)]):
        return
    texts = _texts_of(tokenizer.vocabulary, content)
    ids = _ids(tokenizer, texts)
    if choices.rarely(2):
        rebuilt = type(tokenizer).from_assets(folder, settings)
        require(_ids(rebuilt, texts) == ids, "a tokenizer that was stored gives other ids")
    expected = _reference_ids(content, texts) if (_FOLDER / "tokenizer.json").exists() else None
    require(expected is None or ids == expected, "ids differ from those of the tokenizers library")


# === tokenizer.json ===
def _read_json(data: bytes) -> None:
    choices, content = split_input(data)
    _empty_folder()
    if not _write_classic_files(content):
        (_FOLDER / "tokenizer.json").write_bytes(content)
    family = _family(next(names for mark, names in _FAMILIES.items() if mark in content), content, choices)
    tokenizer = _read_tokenizer(family)
    _check_tokenizer(tokenizer, content, choices, family)


def _write_classic_files(content: bytes) -> bool:
    """Write the files of an object of files: lists as lines, others as JSON; False for another content."""
    try:
        files = json.loads(content)
    except (ValueError, RecursionError):
        return False
    if not isinstance(files, dict) or not files.keys() & {"vocab.txt", "vocab.json"}:
        return False
    for name, value in files.items():
        if name in _CLASSIC:
            text = "\n".join(map(str, value)) if isinstance(value, list) else json.dumps(value)
            (_FOLDER / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    return True


def _texts_of(vocabulary: Sequence[str], content: bytes) -> list[str]:
    """Fixed texts, and some of tokens."""
    draw = random.Random(content)
    tokens = [draw.choice(vocabulary) for _ in range(8)] if vocabulary else []
    words = " ".join(token.replace("##", "").replace("\u0120", " ").replace("\u2581", " ") for token in tokens)
    return [*_TEXTS, words, "".join(tokens)]


def _reference_ids(content: bytes, texts: Sequence[str]) -> list[list[int]] | None:
    """The ids of the tokenizers library; None for a file that it refuses."""
    try:
        tokenizer = reference.Tokenizer.from_str(content.decode())
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return [tokenizer.encode(text, add_special_tokens=False).ids for text in texts]
    except KeyboardInterrupt:
        raise
    except BaseException:  # Rust's panics are no Exception
        return None


def _json_seeds() -> list[bytes]:
    names = [name for name in dict.fromkeys(chain(*_FAMILIES.values())) if (GOLDEN / name / "tokenizer.json").exists()]
    files = [_small(json.loads((GOLDEN / name / "tokenizer.json").read_text())) for name in names]
    added = {"0": {"content": "[PAD]", "special": True}, "6": {"content": "new", "lstrip": True, "normalized": True}}
    word_piece = {
        "vocab.txt": ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "film"],
        "added_tokens.json": {"new": 6, "more": 7},
        "tokenizer_config.json": {
            "do_lower_case": True,
            "tokenizer_class": "BertTokenizer",
            "added_tokens_decoder": added,
        },
    }
    model = next(file["model"] for file in files if file["model"]["type"] == "BPE")
    merges = ["#version: 0.2", *(merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"])]
    byte_pair = {
        "vocab.json": model["vocab"],
        "merges.txt": merges,
        "tokenizer_config.json": {
            "add_prefix_space": True,
            "added_tokens_decoder": {"0": {"content": "<|endoftext|>"}},
        },
    }
    return [json.dumps(file).encode() for file in (*files, word_piece, byte_pair)]


def _small(content: dict[str, Any]) -> dict[str, Any]:
    """A tokenizer with fewer tokens and character rules."""
    model = content["model"]
    added = {token["content"] for token in content["added_tokens"]}
    if model["type"] == "WordPiece":
        kept = [token for token in model["vocab"] if token in added or len(token) < 3 or model["vocab"][token] > 280]
        model["vocab"] = {token: index for index, token in enumerate(kept)}
        for token in content["added_tokens"]:
            token["id"] = model["vocab"][token["content"]]
    elif model["type"] == "Unigram":
        ids = {token["id"] for token in content["added_tokens"]}
        kept = [piece for index, piece in enumerate(model["vocab"]) if index in ids or index < _KEPT]
        model["vocab"] = kept
        for token in content["added_tokens"]:
            token["id"] = next((index for index, piece in enumerate(kept) if piece[0] == token["content"]), len(kept))
    for step in (content.get("normalizer") or {}).get("normalizers", [content.get("normalizer") or {}]):
        if step.get("type") == "Precompiled":
            step["precompiled_charsmap"] = base64.b64encode(character_table(_RULES)).decode()
    content["post_processor"] = None
    return content


# === SentencePiece ===
def _read_model(data: bytes) -> None:
    choices, content = split_input(data)
    family = _family(_FAMILIES[b'"Unigram"'], content, choices)
    name = choices.pick(("spiece.model", "sentencepiece.bpe.model", "spm.model"))
    _empty_folder()
    (_FOLDER / name).write_bytes(content)
    pieces = check_sentence_piece_model(content, _FOLDER / name)
    tokenizer = _read_tokenizer(family)
    require(pieces <= len(tokenizer.vocabulary) + 3, "fewer tokens than pieces")
    _check_tokenizer(tokenizer, content, choices, family)


def _model_seeds() -> list[bytes]:
    specials = ({"pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3}, {"unk_id": 0, "bos_id": 1, "eos_id": 2})
    names = (
        {"pad_piece": "[PAD]", "unk_piece": "[UNK]", "bos_piece": "[CLS]", "eos_piece": "[SEP]"},
        {"unk_piece": "<unk>", "bos_piece": "<s>", "eos_piece": "</s>"},
    )
    albert = {
        "pad_id": 0,
        "pad_piece": "<pad>",
        "unk_id": 1,
        "unk_piece": "<unk>",
        "bos_id": 2,
        "bos_piece": "[CLS]",
        "eos_id": 3,
        "eos_piece": "[SEP]",
        "user_defined_symbols": ["[MASK]"],
    }
    options = [specials[0] | names[0], specials[1] | names[1], albert]
    models = [_train(**chosen) for chosen in options]
    return [*models, *(_with_rules(model) for model in models)]


def _train(**options: Any) -> bytes:
    writer = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(_CORPUS),
        model_writer=writer,
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
        normalization_rule_name="identity",
        **options,
    )
    return writer.getvalue()


def _with_rules(model: bytes) -> bytes:
    proto = sentencepiece_model_pb2.ModelProto.FromString(model)
    proto.normalizer_spec.precompiled_charsmap = character_table(_RULES)
    return bytes(proto.SerializeToString())


TOKENIZER_JSON = Reader(_read_json, _json_seeds, JSON)
SENTENCE_PIECE = Reader(_read_model, _model_seeds, PROTOBUF)
