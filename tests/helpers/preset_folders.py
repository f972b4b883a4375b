"""Changes to preset folders, and other forms of them."""

import json
import shutil
from pathlib import Path

import numpy as np
import tensorflow as tf
from safetensors.numpy import load_file, save_file


def weights_of(folder):
    return load_file(folder / "model.safetensors")


def change_config(folder, **values):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))


def split_in_two(folder: Path) -> None:
    weights = weights_of(folder)
    names = sorted(weights)
    files = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for file, held in files.items():
        save_file({name: weights[name] for name in held}, folder / file)
    index = {"weight_map": {name: file for file, held in files.items() for name in held}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (folder / "model.safetensors").unlink()


def classic_word_piece(folder):
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.__getitem__)
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")


def write_release(folder: Path, source: Path) -> None:
    """The same weights as a TensorFlow 1 checkpoint, with what an optimizer leaves there."""
    folder.mkdir()
    classic_word_piece(shutil.copytree(source, folder.parent / f"{source.name}-classic"))
    shutil.copy(folder.parent / f"{source.name}-classic" / "vocab.txt", folder)
    shutil.copy(source / "config.json", folder / "bert_config.json")
    variables = {"global_step": np.int64(7)}
    for name, weight in load_file(source / "model.safetensors").items():
        matrix = (
            weight.T if name.endswith("weight") and "embeddings" not in name and "LayerNorm" not in name else weight
        )
        full = name if name.startswith(("bert.", "cls.")) else f"bert.{name}"
        old = full.replace("layer.", "layer_").replace("predictions.bias", "predictions.output_bias").replace(".", "/")
        old = old.replace("LayerNorm/weight", "LayerNorm/gamma").replace("LayerNorm/bias", "LayerNorm/beta")
        old = old.replace("embeddings/weight", "embeddings").replace("/weight", "/kernel")
        variables[old] = variables[f"{old}/adam_m"] = matrix.astype(np.float32)
    variables["cls/seq_relationship/output_bias"] = np.zeros(2, np.float32)
    names = sorted(variables)
    tf.raw_ops.SaveV2(
        prefix=str(folder / "bert_model.ckpt"), tensor_names=names, shape_and_slices=[""] * len(names),
        tensors=[tf.constant(variables[name]) for name in names],
    )  # fmt: skip
