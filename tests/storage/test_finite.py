"""Numbers that are not finite, of all kinds that a file can have."""

import warnings

import numpy as np
import pytest

from textgraft.storage.finite import is_finite

SIGNALLING_NAN = np.array([0x7FF0000000000001], np.uint64).view(np.float64)


@pytest.mark.parametrize(
    "value",
    [np.array([np.nan]), SIGNALLING_NAN, np.array([-np.inf]), np.array([1e39])],
    ids=["nan", "snan", "inf", "1e39"],
)
def test_other_values_are_found_without_a_warning(value):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not is_finite(np.concatenate([np.zeros(2**18), value]))
        assert is_finite(np.full(3, 3e38))
