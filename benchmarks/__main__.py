"""Run all benchmarks, or those named: `python -m benchmarks [NAME ...]`."""

import subprocess
import sys

from benchmarks.report import require_data

# Without those that need Ray.
NAMES = ("throughput", "imdb", "trec", "agnews", "predict_memory", "training_memory", "tutorial", "kept_epoch",
    "contrastive", "refit",
    "token_table", "kernels", "frozen_twice", "run_costs", "first_answer", "estimates", "scaling", "precision",
    "last_blocks", "wnut17", "entities_epoch", "pretrain_gutenberg", "rare_labels", "ratings", "adapted", "few_texts",
    "few_entities", "added_labels",
    "frozen_heads", "calibration", "descriptions", "exported", "embedding_speed", "fixed_weights",
    "static_embeddings", "recipes", "unlabelled", "serving", "workers", "many_texts", "shard_failures", "explanations",
    "entity_scores", "tweeteval", "data_checks", "withheld", "suggestions", "drift",
)  # fmt: skip


def main() -> None:
    """Run each benchmark in its own process, one at a time."""
    names = sys.argv[1:] or NAMES
    for name in names:
        if name not in NAMES:
            sys.exit(f"unknown benchmark {name!r}; choose from {', '.join(NAMES)}")
    require_data()
    for name in names:
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)


if __name__ == "__main__":
    main()
