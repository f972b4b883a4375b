"""What tests share: a quiet TensorFlow, a tiny BERT, and the way to real data."""

import gc
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.paths import GOLDEN, REAL_DATA
from textgraft.computation import prefer_onednn

prefer_onednn()  # before a test file imports TensorFlow
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
if "PYTEST_XDIST_WORKER" in os.environ:  # processes side by side: a core each
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["TEXTGRAFT_OFFLINE"] = "1"
_CACHE = tempfile.TemporaryDirectory(prefix="textgraft-cache-")
os.environ["TEXTGRAFT_CACHE"] = _CACHE.name


@pytest.fixture(scope="session")
def real_data() -> Path:
    if not REAL_DATA.is_dir():
        pytest.skip(f"needs the real data sets, which are not beside the project ({REAL_DATA.name} is absent)")
    return REAL_DATA


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Hugging Face folder of a BERT with one layer of width 16 and random weights."""
    from tools.make_tiny_presets import make_tiny_bert

    return make_tiny_bert(tmp_path_factory.mktemp("presets") / "tiny-bert")


@pytest.fixture(scope="session")
def two_layer_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `tiny_bert`, with two layers."""
    from tools.make_tiny_presets import make_tiny_bert

    return make_tiny_bert(tmp_path_factory.mktemp("presets") / "two-layer-bert", num_layers=2)


@pytest.fixture(scope="session")
def tiny_word_vectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A TF-Hub-like text embedding of a few words, width 16, random vectors, two rows for other words."""
    from tools.make_tiny_presets import make_tiny_word_vectors

    from tests.helpers.word_vectors import read_once

    folder = tmp_path_factory.mktemp("presets")
    trust(make_tiny_word_vectors(folder / "tiny-word-vectors"), folder / "manifest.json")
    with pytest.MonkeyPatch.context() as patch:
        read_once(folder / "tiny-word-vectors", tmp_path_factory.mktemp("word-vectors"), patch)
        yield folder / "tiny-word-vectors"


@pytest.fixture(scope="session")
def bert_backbone(tiny_bert: Path) -> object:
    """The loaded `tiny_bert`, for models that are not trained: each load takes half a second."""
    from textgraft.backbones.presets import load_backbone

    return load_backbone(tiny_bert)


@pytest.fixture(scope="session")
def word_vectors_backbone(tiny_word_vectors: Path) -> object:
    """The loaded `tiny_word_vectors`, for models whose backbone is not trained."""
    from textgraft.backbones.presets import load_backbone

    return load_backbone(tiny_word_vectors)


@pytest.fixture(scope="session")
def tiny_static_embeddings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of model2vec with a tiny WordPiece vocabulary, width 8, random vectors."""
    from tests.golden.model2vec_folders import write_model2vec_folder

    return write_model2vec_folder(tmp_path_factory.mktemp("presets") / "tiny-static-embeddings", "word_piece")


# Files that take longest: first, so that no process waits for another at the end.
_LONGEST = ("test_chaos.py", "test_readme.py", "test_interruption.py", "test_hostile.py", "test_contract.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in _LONGEST)


def pytest_collection_finish() -> None:
    """Let the collector pass over the objects of imports, of which there are millions."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def trust(module: Path, manifest: Path) -> None:
    """Name a manifest that lists a module's files, as `textgraft fetch --manifest` does."""
    files = [{"sha256": hashlib.sha256(file.read_bytes()).hexdigest()} for file in module.rglob("*") if file.is_file()]
    manifest.write_text(json.dumps({"presets": [{"name": "module", "files": files}]}))
    os.environ["TEXTGRAFT_MANIFEST"] = str(manifest)


def _golden(family: str) -> object:
    @pytest.fixture(scope="session", name=f"tiny_{family}")
    def folder() -> Path:
        return GOLDEN / family

    return folder


# The other families' presets are the folders of tools/make_goldens.py: 2 layers, width 32, random weights.
for _family in (
    "albert",
    "bert_sentence_piece",
    "deberta_v3",
    "distil_bert",
    "electra",
    "gpt2",
    "opt",
    "roberta",
    "xlm_roberta",
):
    globals()[f"tiny_{_family}"] = _golden(_family)
