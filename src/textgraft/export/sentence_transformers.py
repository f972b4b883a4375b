"""The files of a sentence-transformers folder beside those of its network; see `backbones.sentence_transformers`.

https://sbert.net/docs/package_reference/sentence_transformer/models.html
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from textgraft.backbones.sentence_transformers import ACTIVATION_NAMES, MODULES, POOLING_KEYS, POOLING_NAMES, PROMPTS
from textgraft.storage.safetensors import to_safetensors
from textgraft.storage.syncing import FileContent
from textgraft.tasks.base import Task

_TYPES = "sentence_transformers.models."
_PROMPT = "default"


class DenseModule(NamedTuple):
    """A dense layer after the pooling.

    Attributes:
        kernel: float32 (inputs, outputs).
        bias: float32 (outputs,), or None.
        activation: as `TextVectors` names it.
    """

    kernel: np.ndarray
    bias: np.ndarray | None
    activation: str


def embedder_files(model: Task) -> dict[str, FileContent]:
    """The files of an embedder; none for another model."""
    if not model.pooled or model.output_map():
        return {}
    settings = model.settings()
    modules = []
    for index, options in enumerate(settings["layers"]):
        layer = model.head.get_layer(f"dense_{index}")
        bias = layer.bias.numpy() if options["use_bias"] else None
        modules.append(DenseModule(layer.kernel.numpy(), bias, options["activation"]))
    return sentence_transformers_files(model, modules, settings["normalize"], settings["prompt"])


def sentence_transformers_files(
    model: Task, layers: Sequence[DenseModule], normalize: bool = False, prompt: str = ""
) -> dict[str, FileContent]:
    """The content of each file by its path in the folder.

    Args:
        model: has the pooling, the maximum length and the lower-casing.
        layers: the layers after the pooling.
        normalize: whether vectors are divided by their length at the end.
        prompt: text before each text.
    """
    files: dict[str, FileContent] = {
        "1_Pooling/config.json": _json(_pooling(model.pooling.method, model.backbone.dim)),
        "sentence_bert_config.json": _json(
            {
                "max_seq_length": model.architecture.sequence_length,
                "do_lower_case": model.architecture.cleaning.lowercase,
            }
        ),
        PROMPTS: _json(
            {"prompts": {_PROMPT: prompt} if prompt else {}, "default_prompt_name": _PROMPT if prompt else None}
        ),
    }
    modules = [("Transformer", ""), ("Pooling", "1_Pooling")]
    for index, layer in enumerate(layers, len(modules)):
        path = f"{index}_Dense"
        modules.append(("Dense", path))
        files[f"{path}/config.json"] = _json(_dense(layer))
        tensors = {"linear.weight": layer.kernel.T, **({} if layer.bias is None else {"linear.bias": layer.bias})}
        files[f"{path}/model.safetensors"] = to_safetensors(tensors)
    if normalize:
        modules.append(("Normalize", f"{len(modules)}_Normalize"))
    entries = [
        {"idx": index, "name": str(index), "path": path, "type": f"{_TYPES}{kind}"}
        for index, (kind, path) in enumerate(modules)
    ]
    return {MODULES: _json(entries), **files}


def _pooling(method: str, dim: int) -> dict[str, Any]:
    """Both the keys of older versions, one for each pooling, and the width."""
    name = next(name for name, pooling in POOLING_NAMES.items() if pooling == method)
    return {
        "word_embedding_dimension": dim,
        **{key: mode == name for key, mode in POOLING_KEYS.items()},
        "include_prompt": True,
    }


def _dense(layer: DenseModule) -> dict[str, Any]:
    activation = next(name for name, keras_name in ACTIVATION_NAMES.items() if keras_name == layer.activation)
    module = "linear" if activation == "Identity" else "activation"
    return {
        "in_features": layer.kernel.shape[0],
        "out_features": layer.kernel.shape[1],
        "bias": layer.bias is not None,
        "activation_function": f"torch.nn.modules.{module}.{activation}",
    }


def _json(content: Mapping[str, Any] | Sequence[Any]) -> FileContent:
    return [f"{json.dumps(content, ensure_ascii=False, indent=1)}\n".encode()]
