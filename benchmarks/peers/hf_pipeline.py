"""Hugging Face `pipeline`: prediction in batches of 32 with the model that `hf_trainer` trains."""

from transformers import pipeline

from benchmarks.peers.contract import SEQUENCE_LENGTH, Predict, Task, run
from benchmarks.peers.hf_trainer import trained


def fit(task: Task) -> Predict:
    """Train, then wrap the model in a pipeline."""
    trainer, tokenizer = trained(task)
    classifier = pipeline("text-classification", model=trainer.model.eval(), tokenizer=tokenizer, device="cpu")
    ids = trainer.model.config.label2id

    def predict(texts: list[str]) -> list[int]:
        predictions = classifier(texts, batch_size=32, truncation=True, max_length=SEQUENCE_LENGTH)
        return [ids[label["label"]] for label in predictions]

    return predict


if __name__ == "__main__":
    run(fit)
