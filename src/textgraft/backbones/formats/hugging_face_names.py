"""How Hugging Face folders name the sizes and modules of networks: where KerasHub's layers find their weights."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Sizes = Mapping[str, str | Callable[[Mapping[str, Any]], Any]]


@dataclass(frozen=True)
class Module:
    """Where the weights of a layer are.

    Attributes:
        name: of the module; each {} stands for a number in the layer's name.
        transposed: whether its matrix is (output, input).
        part: which of three matrices that stand side by side.
        skipped: rows at the beginning of a table that no text uses.
        added: a table whose first row is added to every row of this one.
    """

    name: str
    transposed: bool = True
    part: int | None = None
    skipped: int = 0
    added: str | None = None


@dataclass(frozen=True)
class MaskedHead:
    """Where the weights of a head that finds hidden tokens are.

    Attributes:
        dense: the module of its dense layer.
        layer_norm: of its normalization.
        logits: of the biases of tokens; it may have the table of tokens once more.
        activation: of the dense layer; None for that of the network.
    """

    dense: str
    layer_norm: str
    logits: str
    activation: str | None = None

    @property
    def modules(self) -> dict[str, str]:
        """A layer to where its weights are."""
        return {"dense": self.dense, "layer_norm": self.layer_norm, "logits": self.logits}

    @property
    def tables(self) -> set[str]:
        """Where the table of tokens may be once more."""
        return {f"{self.logits}.weight", f"{self.logits}.decoder.weight"}

    def is_among(self, names: Iterable[str]) -> bool:
        """Whether any weight of it is among tensors of these names."""
        return any(name.startswith(f"{module}.") for name in names for module in self.modules.values())


EMBEDDINGS = "embeddings.word_embeddings.weight"
BERT_HEAD = MaskedHead("cls.predictions.transform.dense", "cls.predictions.transform.LayerNorm", "cls.predictions")
ROBERTA_HEAD = MaskedHead("lm_head.dense", "lm_head.layer_norm", "lm_head", activation="gelu")

# Sizes of networks that name them as BERT does; RoBERTa's first two positions belong to padding.
BERT_SIZES: Mapping[str, str] = {
    "vocabulary_size": "vocab_size",
    "num_layers": "num_hidden_layers",
    "num_heads": "num_attention_heads",
    "hidden_dim": "hidden_size",
    "intermediate_dim": "intermediate_size",
    "dropout": "hidden_dropout_prob",
    "max_sequence_length": "max_position_embeddings",
}
_PADDING_POSITIONS = 2  # as many as come before the one after padding's, whose id is 1
ROBERTA_REQUIRES: Mapping[str, tuple[Any, ...]] = {
    "position_embedding_type": ("absolute",),
    "is_decoder": (False,),
    "type_vocab_size": (1,),
    "pad_token_id": (1,),
}


def bert_modules(embeddings: str = "") -> dict[str, str | Module]:
    """Layers of networks that name their modules as BERT does.

    Args:
        embeddings: what the names of the two tables begin with.
    """
    layer, module = "transformer_layer_{}", "encoder.layer.{}"
    return {
        f"{embeddings}token_embedding": "embeddings.word_embeddings",
        f"{embeddings}position_embedding": "embeddings.position_embeddings",
        "segment_embedding": "embeddings.token_type_embeddings",
        "embeddings_layer_norm": "embeddings.LayerNorm",
        f"{layer}/self_attention_layer/query": f"{module}.attention.self.query",
        f"{layer}/self_attention_layer/key": f"{module}.attention.self.key",
        f"{layer}/self_attention_layer/value": f"{module}.attention.self.value",
        f"{layer}/self_attention_layer/attention_output": f"{module}.attention.output.dense",
        f"{layer}/self_attention_layer_norm": f"{module}.attention.output.LayerNorm",
        f"{layer}/feedforward_intermediate_dense": f"{module}.intermediate.dense",
        f"{layer}/feedforward_output_dense": f"{module}.output.dense",
        f"{layer}/feedforward_layer_norm": f"{module}.output.LayerNorm",
    }


def roberta_sizes() -> dict[str, str | Callable[[Mapping[str, Any]], Any]]:
    """Those of BERT, without the positions that belong to padding."""
    return {**BERT_SIZES, "max_sequence_length": lambda c: c["max_position_embeddings"] - _PADDING_POSITIONS}


def roberta_modules() -> dict[str, str | Module]:
    """Those of BERT; the one kind of segment there is has become part of the positions."""
    positions = Module(
        "embeddings.position_embeddings", skipped=_PADDING_POSITIONS, added="embeddings.token_type_embeddings"
    )
    return {**bert_modules("embeddings/"), "embeddings/position_embedding": positions}


# Sizes of networks that name them as GPT-2 does.
GPT2_SIZES: Sizes = {
    "vocabulary_size": "vocab_size",
    "num_layers": "n_layer",
    "num_heads": "n_head",
    "hidden_dim": "n_embd",
    "intermediate_dim": lambda config: config.get("n_inner") or 4 * config["n_embd"],
    "dropout": "resid_pdrop",
    "max_sequence_length": "n_positions",
}


def gpt2_modules() -> dict[str, str | Module]:
    """Layers of networks that name their modules as GPT-2 does; matrices are (input, output), three side by side."""
    layer, attention = "transformer_layer_{}", "transformer_layer_{}/self_attention"
    return {
        "token_embedding": "wte",
        "position_embedding": "wpe",
        f"{layer}/self_attention_layer_norm": "h.{}.ln_1",
        f"{attention}/query": Module("h.{}.attn.c_attn", transposed=False, part=0),
        f"{attention}/key": Module("h.{}.attn.c_attn", transposed=False, part=1),
        f"{attention}/value": Module("h.{}.attn.c_attn", transposed=False, part=2),
        f"{attention}/attention_output": Module("h.{}.attn.c_proj", transposed=False),
        f"{layer}/feedforward_layer_norm": "h.{}.ln_2",
        f"{layer}/feedforward_intermediate_dense": Module("h.{}.mlp.c_fc", transposed=False),
        f"{layer}/feedforward_output_dense": Module("h.{}.mlp.c_proj", transposed=False),
        "layer_norm": "ln_f",
    }
