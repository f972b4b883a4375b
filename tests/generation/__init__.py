"""What the tests of generation share."""

import numpy as np
import tensorflow as tf

from textgraft.backbones.base import Backbone


def prompt_ids(backbone: Backbone, text: str) -> np.ndarray:
    """The ids of a text, without the token that stands before every text."""
    return backbone.tokenize(tf.constant([text.encode()])).values.numpy()
