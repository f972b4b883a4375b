"""Make tests/golden/generation.json: what the reference implementation writes with the tiny models of tests/golden.

Run by hand in the environment of the dependency group "goldens", after `make_goldens`:

    python -m tools.make_generation_golden

For each family and prompt: the ids of the prompt, and the ids that greedy decoding and beam search put after it, once
with the family's own token as the end of a text and once with a token that comes early, so that texts do end. And for
random logits: what temperature, top-k and top-p leave of them.
"""

import json
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import PreTrainedModel

FOLDER = Path(__file__).parents[1] / "tests" / "golden"
MODELS = {"gpt2": "GPT2LMHeadModel", "opt": "OPTForCausalLM"}
PROMPTS = ("The film", "a", "Ünï 漢字 🙂 and so", "one two three four five six seven")
NEW = 24
BEAMS = (2, 3, 5)
WARPED = ((0.7, 0, 1.0), (1.0, 5, 1.0), (1.0, 0, 0.8), (1.3, 20, 0.6), (0.5, 3, 0.99))


def main() -> None:
    """Write the file anew."""
    golden = {family: family_golden(family, kind) for family, kind in MODELS.items()}
    with (FOLDER / "generation.json").open("w") as file:
        json.dump({**golden, "warped": warped()}, file, separators=(",", ":"))
        file.write("\n")


def family_golden(family: str, kind: str) -> list[dict[str, Any]]:
    """Continuations of every prompt."""
    model = getattr(transformers, kind).from_pretrained(FOLDER / family, dtype=torch.float32).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(FOLDER / family)
    cases = []
    for prompt in PROMPTS:
        ids = tokenizer(prompt)["input_ids"]
        early = written(model, ids, tokenizer.eos_token_id)[5]
        for end in (tokenizer.eos_token_id, early):
            beams = {str(count): written(model, ids, end, num_beams=count) for count in BEAMS}
            cases.append({"prompt": prompt, "ids": ids, "end": end, "greedy": written(model, ids, end), "beam": beams})
    return cases


def written(model: PreTrainedModel, ids: list[int], end: int, **how: Any) -> list[int]:
    """New ids, without the one that ends the text."""
    config = transformers.GenerationConfig(
        max_new_tokens=NEW, do_sample=False, eos_token_id=end, pad_token_id=end, bos_token_id=end, **how
    )
    out = model.generate(torch.tensor([ids]), generation_config=config)[0, len(ids) :].tolist()
    return out[: out.index(end)] if end in out else out


def warped() -> dict[str, Any]:
    """Logits, and for each way the probabilities that are left."""
    logits = 3 * torch.randn(4, 50, generator=torch.Generator().manual_seed(0))
    ways = []
    for temperature, top_k, top_p in WARPED:
        warpers = transformers.LogitsProcessorList([transformers.TemperatureLogitsWarper(temperature)])
        if top_k:
            warpers.append(transformers.TopKLogitsWarper(top_k))
        if top_p < 1:
            warpers.append(transformers.TopPLogitsWarper(top_p))
        left = torch.softmax(warpers(None, logits), -1)
        ways.append({"temperature": temperature, "top_k": top_k, "top_p": top_p, "probabilities": left.tolist()})
    return {"logits": logits.tolist(), "ways": ways}


if __name__ == "__main__":
    main()
