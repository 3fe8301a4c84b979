"""The shapes of some well-known open models, as their published `config.json` files give them."""

from __future__ import annotations

from tauon.economics.tuning.transformer import Transformer


def _model(
    name: str, shape: tuple[int, int, int, int, int, int, int], *, experts: int = 1, active: int = 1
) -> Transformer:
    layers, hidden, heads, kv_heads, head_dim, intermediate, vocabulary = shape
    return Transformer(
        name=name,
        layers=layers,
        hidden=hidden,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        intermediate=intermediate,
        vocabulary=vocabulary,
        experts=experts,
        active=active,
    )


# layers, hidden, heads, key-value heads, width of a head, width of the feed-forward part, vocabulary
MODELS: dict[str, Transformer] = {
    model.name: model
    for model in (
        _model("Llama-3.1-8B", (32, 4096, 32, 8, 128, 14336, 128256)),
        _model("Llama-3.1-70B", (80, 8192, 64, 8, 128, 28672, 128256)),
        _model("Llama-3.1-405B", (126, 16384, 128, 8, 128, 53248, 128256)),
        _model("Mistral-7B-v0.3", (32, 4096, 32, 8, 128, 14336, 32768)),
        _model("Mixtral-8x7B", (32, 4096, 32, 8, 128, 14336, 32000), experts=8, active=2),
        _model("Qwen3-8B", (36, 4096, 32, 8, 128, 12288, 151936)),
        _model("Qwen3-32B", (64, 5120, 64, 8, 128, 25600, 151936)),
    )
}


def known(name: str) -> Transformer | None:
    """A model by its name, with or without its maker's; None where it is not in the table."""
    plain = name.rpartition("/")[2].lower()
    return next((model for model in MODELS.values() if model.name.lower() == plain), None)
