"""PyTorch and transformers: `python -m benchmarks.engines.torch_ FOLDER float32|bfloat16 REPETITIONS`."""

from collections.abc import Callable

import torch
from transformers import AutoModel, AutoModelForSequenceClassification

from benchmarks.engines import contract


def main() -> None:
    """Measure a forward pass of the network, and a step with AdamW; bfloat16 is by autocast."""
    folder, precision, repetitions = contract.arguments()
    works = {contract.FORWARD: lambda *shape: _forward(folder, *shape), contract.STEP: lambda *s: _step(folder, *s)}
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        contract.print_seconds(works, repetitions)


def _forward(folder: str, texts: int, tokens: int) -> Callable[[], object]:
    model = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    inputs = _inputs(texts, tokens)

    def run() -> object:
        with torch.inference_mode():
            return model(**inputs).last_hidden_state.mean(1).float().numpy()

    return run


def _step(folder: str, texts: int, tokens: int) -> Callable[[], object]:
    model = AutoModelForSequenceClassification.from_pretrained(
        folder, num_labels=contract.CLASSES, dtype=torch.float32
    ).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=contract.LEARNING_RATE, weight_decay=contract.WEIGHT_DECAY)
    inputs = _inputs(texts, tokens) | {"labels": torch.from_numpy(contract.targets(texts))}

    def run() -> object:
        loss = model(**inputs).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), contract.CLIP_NORM)
        optimizer.step()
        optimizer.zero_grad()
        return loss.item()

    return run


def _inputs(texts: int, tokens: int) -> dict[str, torch.Tensor]:
    ids = torch.from_numpy(contract.token_ids(texts, tokens)).long()
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


if __name__ == "__main__":
    main()
