"""A transformer as numbers: what its configuration file says, and the parameters, caches and activations that follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from tauon.model.errors import InvalidSpec


class Transformer(msgspec.Struct, frozen=True, kw_only=True):
    """The shape of a decoder. `experts` of which `active` are used for each token; 1 of 1 where it has none."""

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    experts: int = 1
    active: int = 1
    shared_intermediate: int = 0
    tied: bool = False
    gated: bool = True

    @property
    def attention(self) -> int:
        """Parameters of the four projections of one layer."""
        query = self.hidden * self.heads * self.head_dim
        return 2 * query + 2 * self.hidden * self.kv_heads * self.head_dim

    def _feed_forward(self, experts: int) -> int:
        matrices = 3 if self.gated else 2
        router = self.hidden * self.experts if self.experts > 1 else 0
        width = self.intermediate * experts + self.shared_intermediate
        return matrices * self.hidden * width + router

    @property
    def embeddings(self) -> int:
        """The table of tokens, and the head that reads out unless it is the same."""
        return self.vocabulary * self.hidden * (1 if self.tied else 2)

    @property
    def parameters(self) -> int:
        """All of them."""
        norms = (2 * self.layers + 1) * self.hidden
        return self.layers * (self.attention + self._feed_forward(self.experts)) + self.embeddings + norms

    @property
    def active_parameters(self) -> int:
        """Those that take part in one token: the active experts, and the head but not the table."""
        head = self.vocabulary * self.hidden
        return self.layers * (self.attention + self._feed_forward(self.active)) + head

    def kv_bytes_per_token(self, bytes_each: float) -> float:
        """Keys and values of one token in all layers."""
        return 2 * self.layers * self.kv_heads * self.head_dim * bytes_each


_NEEDED = ("num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size")
_OLD = {"n_layer": "num_hidden_layers", "n_embd": "hidden_size", "n_head": "num_attention_heads"}


def read_config(config: Mapping[str, Any], name: str) -> Transformer:
    """A Hugging Face `config.json`. Raises InvalidSpec naming the field that is missing or wrong."""
    values = {_OLD.get(key, key): value for key, value in config.items()}
    inner = values.get("text_config")
    if isinstance(inner, Mapping):  # a model that also sees has its decoder in here
        values |= {_OLD.get(str(key), str(key)): value for key, value in inner.items()}
    for key in _NEEDED:
        if key not in values:
            raise InvalidSpec(f"{name}: a configuration of a transformer has the field {key}, and this has not")

    def number(key: str, default: int) -> int:
        value = values.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 10**9:
            raise InvalidSpec(f"{name}: {key} is a whole number above 0, not {value!r}")
        return value

    hidden, heads = number("hidden_size", 0), number("num_attention_heads", 0)
    experts = number("num_local_experts", number("num_experts", number("n_routed_experts", 1)))
    dense = number("intermediate_size", 4 * hidden)
    width = number("moe_intermediate_size", dense) if experts > 1 else dense
    shared = values.get("n_shared_experts") or 0
    return Transformer(
        name=name,
        layers=number("num_hidden_layers", 0),
        hidden=hidden,
        heads=heads,
        kv_heads=number("num_key_value_heads", heads),
        head_dim=number("head_dim", max(1, hidden // heads)),
        intermediate=width,
        vocabulary=number("vocab_size", 0),
        experts=experts,
        active=number("num_experts_per_tok", 1),
        shared_intermediate=int(shared) * width if isinstance(shared, int) else 0,
        tied=bool(values.get("tie_word_embeddings", False)),
        gated=values.get("model_type") not in ("gpt2", "gpt_neox", "opt", "bloom", "falcon", "gptj"),
    )
