"""Folders of sentence-transformers, made of the golden networks; the tool that computes their vectors uses them too."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

GOLDEN = Path(__file__).parent

# Name: family of the network, pooling's config, dense layers as (units, activation, bias), whether to normalize,
# sentence_bert_config.json, config_sentence_transformers.json.
VARIANTS: Mapping[
    str, tuple[str, dict[str, Any], list[tuple[int, str, bool]], bool, dict[str, Any], dict[str, Any]]
] = {
    "cls": ("bert", {"pooling_mode_cls_token": True}, [], False, {"max_seq_length": 16}, {}),
    "mean": ("bert", {"pooling_mode_mean_tokens": True}, [], True, {"max_seq_length": 12, "do_lower_case": False}, {}),
    "max": ("bert", {"pooling_mode": "max"}, [], False, {}, {}),
    "sqrt": ("bert", {"pooling_mode_mean_sqrt_len_tokens": True}, [], False, {}, {}),
    "last": ("bert", {"pooling_mode": ["lasttoken"]}, [], False, {}, {}),
    "dense": (
        "bert",
        {"pooling_mode_mean_tokens": True},
        [(24, "torch.nn.modules.activation.Tanh", True), (16, "torch.nn.modules.linear.Identity", False)],
        True,
        {},
        {},
    ),
    "prompts": (
        "bert_cased",
        {"pooling_mode_mean_tokens": True, "include_prompt": True},
        [],
        True,
        {"max_seq_length": 32, "do_lower_case": True},
        {"prompts": {"query": "The Film: ", "document": ""}, "default_prompt_name": "query"},
    ),
}
_PACKAGE = "sentence_transformers.models."


def write_sentence_folder(folder: Path, name: str) -> Path:
    """Write the folder of a variant; the weights of its dense layers are random with a fixed seed."""
    family, pooling, layers, normalize, network_settings, prompts = VARIANTS[name]
    shutil.copytree(GOLDEN / family, folder, ignore=shutil.ignore_patterns("expected.npz"))
    width, generator, modules = 32, np.random.default_rng(0), [("", "Transformer"), ("1_Pooling", "Pooling")]
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": width, **pooling})
    for units, activation, bias in layers:
        path = f"{len(modules)}_Dense"
        modules.append((path, "Dense"))
        config = {"in_features": width, "out_features": units, "bias": bias, "activation_function": activation}
        write_json(folder / path / "config.json", config)
        weights = {"linear.weight": generator.normal(size=(units, width)), "linear.bias": generator.normal(size=units)}
        used = {key: value.astype(np.float16) for key, value in weights.items() if bias or key != "linear.bias"}
        save_file(used, folder / path / "model.safetensors")
        width = units
    if normalize:
        modules.append((f"{len(modules)}_Normalize", "Normalize"))
    entries = [
        {"idx": index, "name": str(index), "path": path, "type": _PACKAGE + kind}
        for index, (path, kind) in enumerate(modules)
    ]
    write_json(folder / "modules.json", entries)
    write_json(folder / "sentence_bert_config.json", network_settings)
    write_json(folder / "config_sentence_transformers.json", prompts)
    return folder


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file into a folder, which is created."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))
