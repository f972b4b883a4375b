"""The files by which sentence-transformers and its followers pool and normalize the vectors of an embedder."""

import json
from typing import Any

from textgraft.backbones.sentence_transformers import (
    ACTIVATION_NAMES,
    CONFIG,
    MODULES,
    POOLING_KEYS,
    POOLING_NAMES,
    PROMPTS,
)
from textgraft.storage.safetensors import to_safetensors
from textgraft.storage.syncing import FileContent
from textgraft.tasks.base import Task

_SETTINGS = "sentence_bert_config.json"
_KINDS = "sentence_transformers.models"
_TORCH = {"linear": "torch.nn.modules.linear"}  # modules of activations, where they are not the usual one
_PROMPT = "default"


def sentence_transformers_files(model: Task) -> dict[str, FileContent]:
    """modules.json and what it lists, by path; no files for a model that is not an embedder."""
    if not model.pooled or model.output_map():
        return {}
    settings, dim = model.settings(), model.backbone.dim
    pooling = {key: POOLING_NAMES[mode] == model.pooling.method for key, mode in POOLING_KEYS.items()}
    modules = [("Transformer", ""), ("Pooling", "1_Pooling")]
    files: dict[str, FileContent] = {
        f"1_Pooling/{CONFIG}": _json({"word_embedding_dimension": dim, **pooling, "include_prompt": True})
    }
    for index, layer in enumerate(settings["layers"]):
        folder = f"{len(modules)}_Dense"
        modules.append(("Dense", folder))
        config, weights = _dense(layer, model.head.get_layer(f"dense_{index}"))
        files |= {f"{folder}/{CONFIG}": config, f"{folder}/model.safetensors": weights}
    if settings["normalize"]:
        modules.append(("Normalize", f"{len(modules)}_Normalize"))
    entries = [
        {"idx": index, "name": str(index), "path": path, "type": f"{_KINDS}.{kind}"}
        for index, (kind, path) in enumerate(modules)
    ]
    prompts = {_PROMPT: settings["prompt"]} if settings["prompt"] else {}
    return {
        MODULES: _json(entries),
        _SETTINGS: _json({"max_seq_length": model.architecture.sequence_length, "do_lower_case": False}),
        PROMPTS: _json({"prompts": prompts, "default_prompt_name": _PROMPT if prompts else None}),
        **files,
    }


def _dense(layer: dict[str, Any], dense: Any) -> tuple[FileContent, FileContent]:
    """config.json and model.safetensors of a dense layer."""
    name = next(name for name, activation in ACTIVATION_NAMES.items() if activation == layer["activation"])
    module = _TORCH.get(layer["activation"], "torch.nn.modules.activation")
    config = {
        "in_features": int(dense.kernel.shape[0]),
        "out_features": layer["units"],
        "bias": layer["use_bias"],
        "activation_function": f"{module}.{name}",
    }
    weights = {"linear.weight": dense.kernel.numpy().T}
    if layer["use_bias"]:
        weights["linear.bias"] = dense.bias.numpy()
    return _json(config), to_safetensors(weights)


def _json(value: Any) -> FileContent:
    return [f"{json.dumps(value, ensure_ascii=False, indent=1)}\n".encode()]
