"""Distil a Hugging Face folder by model2vec with its defaults, 256 dimensions, in float32.

    python -m benchmarks.engines.model2vec_folder SOURCE OUT

It runs in an environment of its own (`pip install "model2vec[distill]" torch`), since model2vec needs an older
huggingface_hub than the other peers, and prints the seconds of the distillation.
"""

import sys
import time

from model2vec.distill import distill


def main() -> None:
    """Write the folder."""
    source, out = sys.argv[1:]
    start = time.monotonic()
    model = distill(source, quantize_to="float32")
    print(f"{time.monotonic() - start:.1f}", flush=True)
    model.save_pretrained(out)


if __name__ == "__main__":
    main()
