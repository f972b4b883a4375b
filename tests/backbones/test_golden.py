"""Every family against the reference implementation, on tiny models with random weights; see tools/make_goldens.py."""

from pathlib import Path

import numpy as np
import pytest

from tests.golden.texts import MOST_TOKENS, SHORT
from tests.helpers.token_vectors import hidden, packed
from textgraft.backbones.presets import load_backbone

GOLDEN = Path(__file__).parents[1] / "golden"

FOLDERS = sorted(path.parent for path in GOLDEN.glob("*/expected.npz"))


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda path: path.name)
def golden(request):
    """The backbone, the ids of each text, and the hidden states of each text's first tokens."""
    expected = np.load(request.param / "expected.npz")
    ids = np.split(expected["ids"], np.cumsum(expected["lengths"])[:-1])
    lengths = np.minimum(expected["lengths"], MOST_TOKENS)
    return load_backbone(request.param), ids, np.split(expected["hidden"], np.cumsum(lengths)[:-1])


def test_ids_equal_the_references(golden):
    backbone, ids, _ = golden
    found = packed(backbone, SHORT).to_list()
    differing = [text for text, row, expected in zip(SHORT, found, ids, strict=True) if row != expected.tolist()]
    assert differing == []


def test_hidden_states_equal_the_references(golden):
    """In one batch: the rows are padded to the longest."""
    backbone, ids, expected = golden
    rows = [row[:MOST_TOKENS] for row in ids]
    for state, reference in zip(hidden(backbone, rows), expected, strict=True):
        np.testing.assert_allclose(state, reference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("step", [12, pytest.param(1, marks=pytest.mark.slow)], ids=["some", "all"])
def test_hidden_states_of_single_texts_equal_the_references(golden, step):
    backbone, ids, expected = golden
    rows = [row[:MOST_TOKENS] for row in ids]
    for state, row in list(zip(expected, rows, strict=True))[::step]:
        if len(row):
            np.testing.assert_allclose(hidden(backbone, [row])[0], state, rtol=1e-5, atol=1e-5)
