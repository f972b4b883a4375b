"""Model folders of each format version that was released give the answers that are stored with them.

The archives are those of tools/make_compat_models.py.
"""

import json
import shutil

import pytest
from tools.make_compat_models import ANSWERS, ARCHIVES, MASKED, PROMPTS, describe_masks

import textgraft as tg
from textgraft.model_folder.versions import FORMAT_VERSION, MIGRATIONS

NAMES = sorted(path.name for path in ARCHIVES.glob("*.tar.xz"))
TASKS = {
    "feature-extraction", "fill-mask", "label-sets", "numbers", "pairs", "text-classification", "text-generation",
    "token-classification", "windows-and-ngrams",
}  # fmt: skip
# Their networks are those of others, which read the same files.
SLOW = {"label-sets", "pairs", "numbers"}


def test_each_version_has_all_tasks():
    expected = {f"format-{version}-{task}.tar.xz" for version in (*MIGRATIONS, FORMAT_VERSION) for task in TASKS}
    assert set(NAMES) == expected
    assert sum((ARCHIVES / name).stat().st_size for name in NAMES) < (1 << 20) * (1 + len(MIGRATIONS))


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow if any(task in name for task in SLOW) else ()) for name in NAMES]
)
def test_folder_gives_the_stored_answers(name, tmp_path):
    shutil.unpack_archive(ARCHIVES / name, tmp_path, "xztar")
    stored = tmp_path / ANSWERS
    if not stored.exists():
        assert tg.verify_model(tmp_path / "model").texts == 32
        return
    model, expected = tg.load(tmp_path / "model", precision="float32"), json.loads(stored.read_text())
    if "fill-mask" in name:
        assert describe_masks(model.predict(MASKED)) == expected
    else:
        assert model.generate(PROMPTS, max_new_tokens=8) == expected
