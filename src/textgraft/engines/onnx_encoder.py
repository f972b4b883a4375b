"""Token vectors by ONNX Runtime (https://onnxruntime.ai)."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Lock

import keras
import numpy as np
import onnxruntime as ort
import tensorflow as tf

from textgraft.computation import operation_threads
from textgraft.engines.onnx_network import INPUTS, OUTPUT, OnnxNetwork
from textgraft.text.packing import PairRows, pad_rows

# Sum and normalization as one operation take three times as long as one after the other.
_SLOWER_FUSIONS = ["SkipLayerNormFusion"]
_ERRORS = 3  # the level of its log


class OnnxEncoder:
    """Computes token vectors as `Backbone` does, from the same rows, for inference only.

    Attributes:
        products: see `OnnxNetwork`.
    """

    # Tokens per batch, padding included; larger ones leave the processor's cache.
    batch_tokens = 512

    def __init__(self, network: OnnxNetwork, pad_id: int, dim: int) -> None:
        """Start a session; `dim` is the width of a token vector, and `pad_id` fills rows."""
        self.products = network.products
        self._inputs, self._pad_id, self._dim = network.inputs, pad_id, dim
        self._model = network.model
        self._weights = {name: ort.OrtValue.ortvalue_from_numpy(array) for name, array in network.weights.items()}
        self._threads = operation_threads()
        self._sessions: dict[int, ort.InferenceSession] = {}  # by their number of threads
        self._running, self._lock = 0, Lock()
        self._session(self._threads)

    def pool(self, rows: tf.RaggedTensor | PairRows, pooling: keras.Layer, training: bool = False) -> tf.Tensor:
        """Pooled vectors, float32 (b, dim); see `Backbone.pool`."""
        return pooling(*self.vectors(rows, training))

    def vectors(self, rows: tf.RaggedTensor | PairRows, training: bool = False) -> tuple[tf.Tensor, tf.Tensor]:
        """Token vectors, float32 (b, t, dim), and the padding mask, int32 (b, t); see `Backbone.vectors`."""
        row = pad_rows(rows, self._pad_id)
        inputs = [tf.cast(row[name], tf.int64) for name in self._inputs]
        vectors = tf.numpy_function(self._run, inputs, tf.float32)
        return tf.ensure_shape(vectors, [None, None, self._dim]), row["padding_mask"]

    def _run(self, *inputs: np.ndarray) -> np.ndarray:
        return self.compute(inputs)

    def compute(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """Token vectors, float32 (b, t, dim), of the network's inputs, each int64 (b, t)."""
        feed = {INPUTS[name]: values for name, values in zip(self._inputs, inputs, strict=True)}
        with self._threads_of_run() as threads:
            (vectors,) = self._session(threads).run([OUTPUT], feed)
        return vectors  # type: ignore[no-any-return]

    @contextmanager
    def _threads_of_run(self) -> Iterator[int]:
        """The number of threads for a batch: half of them while another batch is computed.

        Threads that compute one batch wait for each other after each operation. In batches of their own they do not,
        which is 1.2 times as fast with two cores.
        """
        with self._lock:
            threads = max(1, self._threads // 2) if self._running else self._threads
            self._running += 1
        try:
            yield threads
        finally:
            with self._lock:
                self._running -= 1

    def _session(self, threads: int) -> ort.InferenceSession:
        """The session with a number of threads, which starts when it is first needed; all share their weights."""
        with self._lock:
            if threads not in self._sessions:
                options = ort.SessionOptions()
                options.log_severity_level = _ERRORS
                options.intra_op_num_threads = threads
                # Threads that wait would take time from TensorFlow's, which compute before and after.
                options.add_session_config_entry("session.intra_op.allow_spinning", "0")
                options.add_external_initializers([*self._weights], [*self._weights.values()])
                self._sessions[threads] = ort.InferenceSession(
                    self._model, options, providers=["CPUExecutionProvider"], disabled_optimizers=_SLOWER_FUSIONS
                )
            return self._sessions[threads]
