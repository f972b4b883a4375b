"""What a folder must hold is what the network it describes is made of, for every family and task."""

import json

import pytest

from tests.tasks.test_contract import CAUSAL, MORE, SETTINGS
from textgraft import registry
from textgraft.backbones.presets import load_backbone
from textgraft.errors import ModelFolderError
from textgraft.model_folder.backbones.base import BackboneLayout
from textgraft.model_folder.tasks.base import TaskLayout
from textgraft.tasks.base import Task


def layout_of(room, name, contract):
    return registry.implementation(f"model_folder.{room}", name, contract)


@pytest.fixture(scope="module", params=registry.names("backbones.families"))
def family(request):
    backbone = load_backbone(request.getfixturevalue(f"tiny_{request.param}"))
    return backbone, json.loads(json.dumps(backbone.config())), layout_of("backbones", request.param, BackboneLayout)


@pytest.mark.parametrize("room", ["backbones", "tasks"])
def test_every_family_and_task_has_a_layout(room):
    assert registry.names(f"model_folder.{room}") == registry.names({"backbones": "backbones.families"}.get(room, room))


def test_a_familys_weights_are_its_networks(family):
    backbone, config, layout = family
    layout.fields.check(config, "config")
    assert dict(layout.weight_shapes(config)) == {w.path: tuple(w.shape) for w in backbone.network.weights}
    assert layout.dim(config) == backbone.dim


def test_a_familys_assets_pass_and_none_may_be_missing(family, tmp_path):
    backbone, config, layout = family
    assets = backbone.assets()
    for name, content in assets.items():
        (tmp_path / name).write_bytes(content)
    layout.check_assets(config, tmp_path)
    for name, content in assets.items():
        (tmp_path / name).unlink()
        with pytest.raises(ModelFolderError, match=f"{name} is missing"):
            layout.check_assets(config, tmp_path)
        (tmp_path / name).write_bytes(content)


@pytest.mark.parametrize("name", registry.names("tasks"))
@pytest.mark.parametrize("hidden", [(), (5, 3)])
def test_a_tasks_weights_are_its_heads(tiny_bert, tiny_gpt2, name, hidden):
    backbone = load_backbone(tiny_gpt2 if name in CAUSAL else tiny_bert)
    variants = [SETTINGS[name]] + ([{"labels": ["a", "b"]}] if "labels" in SETTINGS[name] else [])
    variants += [settings for kind, settings in MORE if kind == name and "long" not in settings]
    for settings in variants:
        task = registry.implementation("tasks", name, Task)(backbone, precision="float32", hidden=hidden, **settings)
        settings = task.settings()
        layout = layout_of("tasks", name, TaskLayout).of(settings)
        layout.fields.check(settings, "settings")
        found = {w.path: tuple(w.shape) for w in task.head.weights if "seed_generator_state" not in w.path}
        assert dict(layout.weight_shapes(settings, hidden, backbone.dim)) == found
