"""Share of matrix products in the time of TensorFlow's operations, from its profiler."""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

_CALLS = 3


def product_share(call: Callable[[], Any]) -> float:
    """Profile calls after a first one, which compiles; returns a share between 0 and 1."""
    import tensorflow as tf

    call()
    with tempfile.TemporaryDirectory() as folder:
        tf.profiler.experimental.start(folder)
        for _ in range(_CALLS):
            call()
        tf.profiler.experimental.stop()
        return share_of_products(operations(Path(folder)))


def share_of_products(operations: Iterable[tuple[str, int]]) -> float:
    """Share of the operations whose type is a matrix product.

    Args:
        operations: type and duration of each; fused products, such as "_MklFusedMatMul", include what is fused.
    """
    durations: Counter[str] = Counter()
    for name, duration in operations:
        durations[name] += duration
    products = sum(duration for name, duration in durations.items() if "MatMul" in name or name == "Einsum")
    return round(products / max(1, durations.total()), 3)


def operations(folder: Path) -> Iterator[tuple[str, int]]:
    """Type and picoseconds of each operation: the events of the CPU that are named NODE:TYPE."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    (file,) = folder.rglob("*.xplane.pb")
    for plane in xplane_pb2.XSpace.FromString(file.read_bytes()).planes:
        if "CPU" not in plane.name:
            continue
        names = {key: event.name for key, event in plane.event_metadata.items()}
        for event in (event for line in plane.lines for event in line.events):
            node, _, kind = names[event.metadata_id].rpartition(":")
            if node and not node.endswith(":") and kind.lstrip("_")[:1].isupper():
                yield kind, event.duration_ps
