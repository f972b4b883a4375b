"""What a model folder refuses to hold."""

from dataclasses import replace

import pytest

from textgraft.errors import ModelFolderError
from textgraft.model_folder import folder as model_folder
from textgraft.model_folder.folder import ModelContent

SMALL = ModelContent(config={}, weights={}, assets={}, history=[], card="")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"config": {"labels": "x" * (5 << 20)}},
            r"config\.json would have 5,242,\d+ bytes.*shorten the list of labels",
        ),
        ({"history": [{"epoch": 1}] * (1 << 20)}, r"history\.csv would have .* shorten the training"),
        ({"assets": {"vocab.txt": bytes((128 << 20) + 1)}}, r"vocab\.txt would have 134,217,729 bytes.*shorten it"),
    ],
)
def test_unreadable_content_is_not_written(tmp_path, change, message):
    with pytest.raises(ModelFolderError, match=message):
        model_folder.write(tmp_path / "model", replace(SMALL, **change))
    assert list(tmp_path.iterdir()) == []
