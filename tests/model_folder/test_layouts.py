"""What a folder must hold is what the network it describes is made of, for every family and task."""

import json
import pkgutil

import pytest

from tests.tasks.test_contract import CAUSAL, MORE, SETTINGS
from textgraft import registry
from textgraft.backbones.presets import load_backbone
from textgraft.errors import ModelFolderError
from textgraft.model_folder.backbones.base import BackboneLayout
from textgraft.task_specs import task_names, task_spec


@pytest.fixture(scope="module", params=registry.names("backbones.families"))
def family(request):
    backbone = load_backbone(request.getfixturevalue(f"tiny_{request.param}"))
    layout = registry.implementation("model_folder.backbones", request.param, BackboneLayout)
    return backbone, json.loads(json.dumps(backbone.config())), layout


def test_every_family_has_a_layout():
    assert registry.names("model_folder.backbones") == registry.names("backbones.families")


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


@pytest.mark.parametrize("task", task_names())
@pytest.mark.parametrize("hidden", [(), (5, 3)])
def test_settings_and_head_weights_match_the_spec(tiny_bert, tiny_gpt2, task, hidden):
    name, spec = task.replace("-", "_"), task_spec(task)
    backbone = load_backbone(tiny_gpt2 if name in CAUSAL else tiny_bert)
    variants = [SETTINGS[name]] + ([{"labels": ["a", "b"]}] if "labels" in SETTINGS[name] else [])
    variants += [settings for kind, settings in MORE if kind == name and "long" not in settings]
    for variant in variants:
        model = pkgutil.resolve_name(spec.class_path)(backbone, precision="float32", hidden=hidden, **variant)
        settings = model.settings()
        spec.schema(settings).settings.check(settings, "settings")
        shapes = {w.path: tuple(w.shape) for w in model.head.weights if "seed_generator_state" not in w.path}
        assert dict(spec.weight_shapes(settings, hidden, backbone.dim)) == shapes
