"""The fastest large float32 matrix product: `python -m benchmarks.engines.peak REPETITIONS`.

oneDNN is switched on, since TensorFlow does not use it by default on all processors.
"""

import json
import os
import sys

from benchmarks.engines.contract import seconds_of

SIZES = (1024, 2048, 4096)


def main() -> None:
    """Print the most operations per second of a product of two square matrices."""
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "1"
    print(json.dumps({"peak": max(_operations_per_second(size, int(sys.argv[1])) for size in SIZES)}))


def _operations_per_second(size: int, repetitions: int) -> float:
    import tensorflow as tf

    matrix = tf.random.stateless_normal([size, size], (0, 0))
    product = tf.function(tf.linalg.matmul).get_concrete_function(matrix, matrix)
    return 2 * size**3 / min(seconds_of(lambda: product(matrix, matrix).numpy(), repetitions))


if __name__ == "__main__":
    main()
