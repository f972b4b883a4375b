"""What is checked of a model folder without TensorFlow, for every family."""

import json
from collections import defaultdict

import pytest

from textgraft import registry
from textgraft.backbones.family import MAX_LAYERS, TransformerFamily, families
from textgraft.backbones.presets import load_backbone
from textgraft.errors import ModelFolderError
from textgraft.model_folder.config import check_files
from textgraft.storage.schema import STRING, List

# Sizes of which no weight depends: how often ALBERT applies its block, and DeBERTa's limit of relative positions.
WITHOUT_WEIGHT = defaultdict(set, albert={"num_layers"}, deberta_v3={"max_sequence_length"})


@pytest.fixture(scope="module", params=registry.names("backbones.families"))
def stored(request, tmp_path_factory):
    """A family, the config of a backbone, the shapes of its weights, and a folder with its assets."""
    backbone = load_backbone(request.getfixturevalue(f"tiny_{request.param}"))
    folder = tmp_path_factory.mktemp(request.param)
    for name, content in backbone.assets().items():
        (folder / name).write_bytes(content)
    shapes = {f"backbone/{weight.path}": tuple(weight.shape) for weight in backbone.network.weights}
    return families()[request.param], json.loads(json.dumps(backbone.config())), shapes, folder


def check(config, shapes, folder, family):
    task = {"task": "feature-extraction", "settings": {"layers": []}}
    check_files({**task, "family": family.name, "backbone": config, "architecture": {"hidden": []}}, shapes, folder)


def test_config_of_a_backbone_matches_the_schema(stored):
    family, config, _, _ = stored
    family.config_schema.check(config, "config")


def test_every_asset_is_required(stored):
    family, config, shapes, folder = stored
    check(config, shapes, folder, family)
    for path in sorted(folder.iterdir()):
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(ModelFolderError, match=f"{path.name} is missing"):
            check(config, shapes, folder, family)
        path.write_bytes(content)


def test_more_blocks_than_tensors_are_refused(stored):
    family, config, shapes, folder = stored
    if isinstance(family, TransformerFamily):
        blocks = dict.fromkeys(family.block_counts, MAX_LAYERS)
        with pytest.raises(ModelFolderError, match=r"blocks, but model\.safetensors has"):
            check({**config, "network": {**config["network"], **blocks}}, shapes, folder, family)


@pytest.mark.parametrize("sizes", [{"num_layers": MAX_LAYERS + 1}, {"num_layers": 3, "num_groups": 2}])
def test_blocks_that_are_applied_too_often_are_refused(sizes, tmp_path):
    config = {"network": {"num_layers": 2, "num_groups": 1, "num_inner_repetitions": 1, "vocabulary_size": 5, **sizes}}
    names = [f"group_{index}/query/kernel" for index in range(sizes.get("num_groups", 1))]
    (tmp_path / "vocab.txt").write_text("<pad>\n<unk>\n[CLS]\n[SEP]\n[MASK]\n")
    (tmp_path / "spiece.model").write_bytes(b"")
    config["tokenizer"] = {"special_tokens": []}
    with pytest.raises(ModelFolderError, match="layers must be a multiple of groups, and all at most 64"):
        families()["albert"].check_files(config, tmp_path, names)


def test_sizes_beyond_the_stored_values_are_refused(stored):
    family, config, shapes, folder = stored
    sizes = config.get("network", config)
    for name in (name for name, size in sizes.items() if type(size) is int):
        oversized = {**sizes, name: 10**9}
        with pytest.raises(ModelFolderError, match=f"{name} is 1,000,000,000, but"):
            check({**config, "network": oversized} if "network" in config else oversized, shapes, folder, family)


def test_every_size_is_compared_with_a_weight(stored):
    family, config, shapes, folder = stored
    sizes = config.get("network", config)
    for name in (name for name, size in sizes.items() if type(size) is int and name not in WITHOUT_WEIGHT[family.name]):
        other = {**sizes, name: sizes[name] + 1}
        with pytest.raises(ModelFolderError, match=f"{folder}.*copy the model folder again"):
            check({**config, "network": other} if "network" in config else other, shapes, folder, family)


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        (List(STRING), "a", "a list, not 'a'"),
        (List(STRING, min_items=1), [], "a list of at least 1, not"),
        (List(STRING, max_items=1), ["a", "b"], "a list of at most 1, not"),
        (List(STRING, 2, 3), ["a"], "a list of at least 2 and at most 3, not"),
        (List(STRING, 2, 2), ["a"], "a list of 2, not"),
    ],
)
def test_number_of_items_is_in_the_message(schema, value, expected):
    with pytest.raises(ModelFolderError, match=f"tags must be {expected}"):
        schema.check(value, "tags")
