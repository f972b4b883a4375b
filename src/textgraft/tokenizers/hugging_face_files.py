"""The tokenizer files of a Hugging Face folder, written from a tokenizer; see `tokenizer_json` for their reader."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from textgraft.tokenizers import tokenizer_json
from textgraft.tokenizers.base import SpecialNames, Tokenizer

SPECIAL_TOKENS = "special_tokens_map.json"

_NO_LIMIT = 10**30  # how the library writes that there is no maximum length


def tokenizer_files(
    tokenizer: Tokenizer, special: SpecialNames, segments: bool, sequence_length: int | None, class_name: str
) -> dict[str, bytes]:
    """The content of tokenizer.json, tokenizer_config.json and special_tokens_map.json by file name.

    Texts are packed as `text.packing.TextGraph` packs them, with truncation of their ends; the library pads to the
    longest row.

    Args:
        tokenizer: its vocabulary has the special tokens.
        special: spelling of the special tokens.
        segments: whether the second text of a pair has segment id 1.
        sequence_length: maximum tokens per row, special tokens included; None for no limit.
        class_name: the tokenizer's class in transformers.
    """
    settings = tokenizer.settings()
    ids = {token: token_id for token_id, token in enumerate(tokenizer.vocabulary)}
    stripping, normalized = settings.get("stripping", ()), settings.get("normalized_tokens", ())
    added = [
        {
            "id": ids[token],
            "content": token,
            "single_word": False,
            "lstrip": token in stripping,
            "rstrip": False,
            "normalized": token in normalized,
            "special": token not in normalized,
        }
        for token in sorted({*settings["special_tokens"], *stripping}, key=ids.__getitem__)
    ]
    content = {
        "version": "1.0",
        "truncation": _truncation(sequence_length),
        "padding": {
            "strategy": "BatchLongest",
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": ids[special.pad],
            "pad_type_id": 0,
            "pad_token": special.pad,
        },
        "added_tokens": added,
        **tokenizer.hugging_face_parts(),
        "post_processor": _template(special, ids, segments),
    }
    names = _special_names(special)
    config = {
        "tokenizer_class": class_name,
        "model_max_length": sequence_length or _NO_LIMIT,
        "padding_side": "right",
        "truncation_side": "right",
        "clean_up_tokenization_spaces": False,
        **names,
        **tokenizer.hugging_face_settings(),
        "added_tokens_decoder": {
            str(token["id"]): {name: value for name, value in token.items() if name != "id"} for token in added
        },
    }
    return {
        tokenizer_json.NAME: _encoded_tokenizer(content),
        tokenizer_json.CONFIG: _encoded(config),
        SPECIAL_TOKENS: _encoded(names),
    }


def _truncation(sequence_length: int | None) -> dict[str, Any] | None:
    """The longer text of a pair loses tokens first."""
    if sequence_length is None:
        return None
    return {"direction": "Right", "max_length": sequence_length, "strategy": "LongestFirst", "stride": 0}


def _template(special: SpecialNames, ids: Mapping[str, int], segments: bool) -> dict[str, Any]:
    """The post-processor that adds special tokens to a text and to a pair."""
    second = int(segments)

    def tokens(name: str | None, count: int, segment: int) -> list[dict[str, Any]]:
        return [] if name is None else [{"SpecialToken": {"id": name, "type_id": segment}}] * count

    def text(name: str, segment: int) -> list[dict[str, Any]]:
        return [{"Sequence": {"id": name, "type_id": segment}}]

    start = [*tokens(special.start, 1, 0), *text("A", 0)]
    pair = [*start, *tokens(special.end, special.separators, 0), *text("B", second), *tokens(special.end, 1, second)]
    names: Sequence[str] = [name for name in (special.start, special.end) if name is not None]
    return {
        "type": "TemplateProcessing",
        "single": [*start, *tokens(special.end, 1, 0)],
        "pair": pair,
        "special_tokens": {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in names},
    }


def _special_names(special: SpecialNames) -> dict[str, str]:
    """The special tokens by the keys of tokenizer_config.json."""
    keys = {
        "bos_token": special.start or special.end_of_text,
        "eos_token": special.end_of_text or special.end,
        "unk_token": special.unknown,
        "sep_token": special.end,
        "pad_token": special.pad,
        "cls_token": special.start if special.end else None,
        "mask_token": special.mask,
    }
    return {key: name for key, name in keys.items() if name is not None}


def _encoded_tokenizer(content: dict[str, Any]) -> bytes:
    """tokenizer.json, whose scores, if any, are written so that the library reads them to the last bit."""
    vocabulary = content["model"]["vocab"]
    if isinstance(vocabulary, dict):
        return _encoded(content)
    items = (f"[{json.dumps(token)}, {tokenizer_json.written_for_reference(score)}]" for token, score in vocabulary)
    text = _encoded({**content, "model": {**content["model"], "vocab": []}})
    return text.replace(b'"vocab": []', f'"vocab": [{",".join(items)}]'.encode(), 1)


def _encoded(content: Mapping[str, Any]) -> bytes:
    return f"{json.dumps(content, ensure_ascii=False, indent=1)}\n".encode()
