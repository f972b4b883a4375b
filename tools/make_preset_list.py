"""Writes KerasHub's presets of the supported families to a file: `python -m tools.make_preset_list`.

textgraft reads the file, because importing KerasHub imports TensorFlow.
"""

import json

from textgraft.backbones.family import TransformerFamily, families
from textgraft.backbones.preset_sources import KERAS_HUB_PRESETS


def main() -> None:
    """Write the file."""
    KERAS_HUB_PRESETS.write_text(build(), encoding="utf-8")


def build() -> str:
    """Return its text: a preset per line.

    The presets of a network's class include those of its subclasses, and those of families that share the class.
    """
    presets = {
        name: [name, family.name, metadata["metadata"]["params"], metadata["kaggle_handle"]]
        for family in families().values()
        if isinstance(family, TransformerFamily)
        for name, metadata in family.network_class.presets.items()
        if family.preset_names is None or name in family.preset_names
    }
    return "[\n" + ",\n".join(map(json.dumps, presets.values())) + "\n]\n"


if __name__ == "__main__":
    main()
