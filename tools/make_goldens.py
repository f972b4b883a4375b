"""Make tests/golden/FAMILY: tiny models with random weights, and the outputs of transformers.

Run by hand in the environment of the dependency group "goldens", which has torch and transformers:

    python -m tools.make_goldens [FAMILY | heads ...]

Each folder is a Hugging Face folder: 2 layers, width 32, a tokenizer trained on the golden texts, weights in half
precision. Its `expected.npz` has the token ids of each text (concatenated) and the hidden states of the first tokens in
float32, computed for each text alone.

tests/golden/heads has masked language model heads, as transformers saves them with the networks of these folders, and
their logits at a few masks.
"""

import json
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch
import transformers
from safetensors.numpy import load_file
from tokenizers.implementations import BertWordPieceTokenizer, ByteLevelBPETokenizer
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from tests.golden.texts import CHINESE, MOST_TOKENS, SHORT

FOLDER = Path(__file__).parents[1] / "tests" / "golden"
_WORDS = 320  # vocabulary size, without the bytes

_SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
}
_RELATIVE = {
    "relative_attention": True,
    "position_buckets": 16,
    "pos_att_type": ["p2c", "c2p"],
    "norm_rel_ebd": "layer_norm",
    "share_att_key": True,
    "position_biased_input": False,
    "type_vocab_size": 0,
}
_GPT2_SIZES = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64}
_DISTILLED_SIZES = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 48, "max_position_embeddings": 64}
_OPT_SIZES = {name: size for name, size in _SIZES.items() if name != "intermediate_size"}

Maker = Callable[[Path], PreTrainedTokenizerBase]


# === Tokenizers: trained, then loaded by transformers from the classic files ===
def word_piece(lowercase: bool = True, kind: str = "BertTokenizer") -> Maker:
    """WordPiece, from vocab.txt, without noncharacters."""

    def make(folder: Path) -> PreTrainedTokenizerBase:
        trained = BertWordPieceTokenizer(lowercase=lowercase)
        texts = [re.sub("[\ufdd0-\ufdef\ufffe\uffff\U0010ffff]", "", text) for text in SHORT]
        trained.train_from_iterator(texts, vocab_size=_WORDS, min_frequency=1, show_progress=False)
        trained.save_model(str(folder))
        return getattr(transformers, kind).from_pretrained(folder, do_lower_case=lowercase)

    return make


def chinese_word_piece(folder: Path) -> PreTrainedTokenizerBase:
    """WordPiece of single characters, as bert-base-chinese has them."""
    characters = sorted({char for text in CHINESE[:-3] for char in text if char.strip()})
    unused = [f"[unused{index}]" for index in range(1, 4)]
    tokens = ["[PAD]", *unused, "[UNK]", "[CLS]", "[SEP]", "[MASK]", *characters, *(f"##{char}" for char in characters)]
    (folder / "vocab.txt").write_text("".join(f"{token}\n" for token in tokens), encoding="utf-8")
    return transformers.BertTokenizer.from_pretrained(folder, do_lower_case=False)


def byte_pair(kind: str, special: list[str], **settings: Any) -> Maker:
    """Byte-level BPE, from vocab.json and merges.txt."""

    def make(folder: Path) -> PreTrainedTokenizerBase:
        trained = ByteLevelBPETokenizer()
        trained.train_from_iterator(
            SHORT, vocab_size=_WORDS + 256, min_frequency=1, show_progress=False, special_tokens=special
        )
        trained.save_model(str(folder))
        return getattr(transformers, kind).from_pretrained(folder, **settings)

    return make


def sentence_piece(kind: str, file: str, few_rules: bool = False, **pieces: Any) -> Maker:
    """SentencePiece (unigram), from its model file."""

    def make(folder: Path) -> PreTrainedTokenizerBase:
        (folder / "rules.tsv").write_text(_FEW_RULES)
        rules = {"normalization_rule_tsv": str(folder / "rules.tsv")} if few_rules else {}
        with (folder / file).open("wb") as model:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(SHORT), model_writer=model, vocab_size=_WORDS, character_coverage=0.98,
                hard_vocab_limit=False, minloglevel=2, **rules, **pieces,
            )  # fmt: skip
        return getattr(transformers, kind).from_pretrained(folder)

    return make


# Spaces and ligatures only: SentencePiece's default table has a quarter of a megabyte.
_FEW_RULES = "A0\t20\n3000\t20\n2028\t20\n9\t20\nA\t20\nD\t20\nFB01\t66 69\nFB02\t66 6C\n1\t\n7\t\n200B\t20\n"

_FAIRSEQ = ["<s>", "<pad>", "</s>", "<unk>"]
_ALBERT_PIECES = {
    "pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3, "pad_piece": "<pad>", "bos_piece": "[CLS]",
    "eos_piece": "[SEP]", "user_defined_symbols": "[MASK]",
}  # fmt: skip
_DEBERTA_PIECES = {
    "pad_id": 0, "bos_id": 1, "eos_id": 2, "unk_id": 3, "pad_piece": "[PAD]", "bos_piece": "[CLS]",
    "eos_piece": "[SEP]", "unk_piece": "[UNK]",
}  # fmt: skip

# Family: model class, config without the vocabulary size, tokenizer.
FAMILIES: Mapping[str, tuple[str, dict[str, Any], Maker]] = {
    "bert": ("BertModel", _SIZES, word_piece()),
    "bert_cased": ("BertModel", {**_SIZES, "hidden_act": "gelu_new"}, word_piece(lowercase=False)),
    "bert_chinese": ("BertModel", _SIZES, chinese_word_piece),
    "bert_sentence_piece": (
        "BertModel", _SIZES, sentence_piece("XLMRobertaTokenizer", "sentencepiece.bpe.model", few_rules=True)
    ),
    "distil_bert": ("DistilBertModel", _DISTILLED_SIZES, word_piece(kind="DistilBertTokenizer")),
    "electra": ("ElectraModel", {**_SIZES, "embedding_size": 24}, word_piece(kind="ElectraTokenizer")),
    "roberta": (
        "RobertaModel", {**_SIZES, "max_position_embeddings": 66, "type_vocab_size": 1, "layer_norm_eps": 1e-5},
        byte_pair("RobertaTokenizer", [*_FAIRSEQ, "<mask>"]),
    ),
    "gpt2": ("GPT2Model", _GPT2_SIZES, byte_pair("GPT2Tokenizer", ["<|endoftext|>"])),
    "opt": (
        "OPTModel", {**_OPT_SIZES, "ffn_dim": 48, "word_embed_proj_dim": 32},
        byte_pair(
            "GPT2Tokenizer", _FAIRSEQ, bos_token="</s>", eos_token="</s>", unk_token="</s>", pad_token="<pad>",
            add_bos_token=True,
        ),
    ),
    "albert": (
        "AlbertModel", {**_SIZES, "embedding_size": 24, "hidden_act": "gelu_new"},
        sentence_piece("AlbertTokenizer", "spiece.model", **_ALBERT_PIECES),
    ),
    "xlm_roberta": (
        "XLMRobertaModel",
        {**_SIZES, "max_position_embeddings": 66, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "pad_token_id": 1},
        sentence_piece("XLMRobertaTokenizer", "sentencepiece.bpe.model", few_rules=True),
    ),
    "deberta_v3": (
        "DebertaV2Model", {**_SIZES, **_RELATIVE}, sentence_piece("DebertaV2Tokenizer", "spm.model", **_DEBERTA_PIECES)
    ),
}  # fmt: skip

# Name: family, class of the model with a head, and changes of its config that affect the logits.
_EPSILON = {"layer_norm_eps": 0.01}
HEADS: Mapping[str, tuple[str, str, dict[str, Any]]] = {
    "bert": ("bert", "BertForMaskedLM", _EPSILON),
    "bert_cased": ("bert_cased", "BertForMaskedLM", _EPSILON),
    "bert_pretraining": ("bert", "BertForPreTraining", {"hidden_act": "relu"}),
    "distil_bert": ("distil_bert", "DistilBertForMaskedLM", {"activation": "relu"}),
    "electra": ("electra", "ElectraForMaskedLM", {**_EPSILON, "hidden_act": "relu"}),
    "roberta": ("roberta", "RobertaForMaskedLM", {**_EPSILON, "hidden_act": "relu"}),
    "xlm_roberta": ("xlm_roberta", "XLMRobertaForMaskedLM", {**_EPSILON, "hidden_act": "gelu_new"}),
    "albert": ("albert", "AlbertForMaskedLM", _EPSILON),
    "deberta_v3": ("deberta_v3", "DebertaV2ForMaskedLM", {**_EPSILON, "hidden_act": "gelu_new"}),
    "deberta_v3_own_names": ("deberta_v3", "DebertaV2ForMaskedLM", {**_EPSILON, "legacy": False}),
}
_MASKED_ROWS = 4  # with two masks each


def main() -> None:
    """Make the folders and heads given as arguments, or all."""
    names = sys.argv[1:] or [*FAMILIES, "heads"]
    for family in names:
        if family != "heads":
            make(family, FOLDER / family)
    if "heads" in names:
        for name in HEADS:
            make_head(name, FOLDER / "heads" / f"{name}.npz")


def make(family: str, folder: Path) -> None:
    """Write one folder."""
    kind, sizes, tokenizer_of = FAMILIES[family]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    with tempfile.TemporaryDirectory() as classic:
        tokenizer = tokenizer_of(Path(classic))
    tokenizer.save_pretrained(folder)
    model = random_model(kind, {**sizes, "vocab_size": len(tokenizer)})
    model.half().save_pretrained(folder)
    expected = compute(model.float().eval(), tokenizer)
    np.savez_compressed(folder / "expected.npz", **expected, made_with=made_with())
    print(f"{family}: {len(tokenizer)} tokens, {len(expected['hidden'])} hidden states")


def made_with() -> str:
    """Packages and their versions."""
    return ", ".join(f"{name} {version(name)}" for name in ("transformers", "tokenizers", "torch"))


def random_model(kind: str, sizes: Mapping[str, Any]) -> PreTrainedModel:
    """A model with weights large enough for each of them to affect the outputs."""
    torch.manual_seed(0)
    model_class = getattr(transformers, kind)
    model = model_class(model_class.config_class(**sizes))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            is_scale = weight.dim() == 1 and name.endswith("weight")
            weight.copy_(0.2 * torch.randn(weight.shape) + is_scale)
    return model


def compute(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> dict[str, np.ndarray]:
    """Ids of each text with special tokens and without truncation; hidden states of the first `MOST_TOKENS`."""
    rows = [tokenizer(text)["input_ids"] for text in SHORT]
    hidden = []
    with torch.no_grad():
        for row in filter(None, (row[:MOST_TOKENS] for row in rows)):
            states = model(input_ids=torch.tensor([row]), attention_mask=torch.ones(1, len(row), dtype=torch.long))
            hidden.append(states.last_hidden_state[0].numpy())
    return {
        "ids": np.concatenate([np.array(row, np.int32) for row in rows]),
        "lengths": np.array([len(row) for row in rows], np.int32),
        "hidden": np.concatenate(hidden),
    }


def make_head(name: str, file: Path) -> None:
    """Write one head: its tensors, its config, and its logits with the network of a family's folder."""
    family, kind, changes = HEADS[name]
    model = getattr(transformers, kind).from_pretrained(FOLDER / family, dtype=torch.float32, **changes).eval()
    mask = AutoTokenizer.from_pretrained(FOLDER / family).mask_token_id
    network = {id(weight) for weight in model.base_model.parameters()}
    torch.manual_seed(1)
    with torch.no_grad():
        for weight_name, weight in model.named_parameters():
            if id(weight) not in network:
                weight.copy_((0.5 * torch.randn(weight.shape) + weight_name.endswith("orm.weight")).half())
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        config = (Path(folder) / "config.json").read_text()
        tensors = load_file(Path(folder) / "model.safetensors")
    head = {key: tensor for key, tensor in tensors.items() if not key.startswith(f"{model.base_model_prefix}.")}
    file.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        file,
        **masked_logits(model, np.load(FOLDER / family / "expected.npz"), mask),
        **{f"head/{key}": tensor.astype(np.float16) for key, tensor in head.items()},
        family=family,
        prefix=f"{model.base_model_prefix}.",
        config=json.dumps(json.loads(config)),
        made_with=made_with(),
    )
    print(f"{name}: {', '.join(head)}")


def masked_logits(model: PreTrainedModel, expected: Mapping[str, np.ndarray], mask: int) -> dict[str, np.ndarray]:
    """Logits at two masks in each of several texts of one length."""
    rows = np.split(expected["ids"], np.cumsum(expected["lengths"])[:-1])
    ids = np.stack([row[:MOST_TOKENS] for row in rows if len(row) >= MOST_TOKENS][:_MASKED_ROWS])
    positions = np.stack([[1 + index, MOST_TOKENS - 3 - index] for index in range(len(ids))])
    np.put_along_axis(ids, positions, mask, axis=1)
    with torch.no_grad():
        outputs = model(input_ids=torch.tensor(ids), attention_mask=torch.ones(ids.shape, dtype=torch.long))
    logits = outputs["prediction_logits" if "prediction_logits" in outputs else "logits"]
    at_masks = np.take_along_axis(logits.numpy(), positions[:, :, None], axis=1)
    return {"ids": ids, "places": positions.astype(np.int32), "logits": at_masks}


if __name__ == "__main__":
    main()
