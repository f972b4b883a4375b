"""Requests that TensorFlow Serving computes before a model takes traffic, in the file where it looks for them.

The graph is optimized and memory is allocated in the first requests of each size, which then take no user's time.
https://www.tensorflow.org/tfx/serving/saved_model_warmup
"""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from textgraft.protobuf import write_field

WARM_UP = Path("assets.extra", "tf_serving_warmup_requests")

# Fields of tensorflow_serving/apis: prediction_log.proto, predict.proto and model.proto.
_PREDICT_LOG, _REQUEST, _MODEL_SPEC, _INPUTS, _SIGNATURE_NAME = 6, 1, 1, 2, 3
_MAP_KEY, _MAP_VALUE = 1, 2


def write_warm_up(folder: Path, signature: str, requests: Sequence[dict[str, Sequence[str]]]) -> None:
    """Write requests into the folder of a SavedModel.

    Args:
        folder: where saved_model.pb is.
        signature: its name.
        requests: the texts of each input by its name.
    """
    (folder / WARM_UP).parent.mkdir()
    with tf.io.TFRecordWriter(str(folder / WARM_UP)) as file:
        for request in requests:
            file.write(_prediction_log(signature, request))


def _prediction_log(signature: str, inputs: dict[str, Sequence[str]]) -> bytes:
    """A serialized PredictionLog with a PredictRequest; the server does not compare the name of the model."""
    message = write_field(_MODEL_SPEC, write_field(_SIGNATURE_NAME, signature.encode()))
    for name, texts in inputs.items():
        tensor = tf.make_tensor_proto(list(texts), tf.string, [len(texts)]).SerializeToString()
        entry = write_field(_MAP_KEY, name.encode()) + write_field(_MAP_VALUE, tensor)
        message += write_field(_INPUTS, entry)
    return write_field(_PREDICT_LOG, write_field(_REQUEST, message))
