"""Nodes in short: `H100:8x16` is sixteen nodes with eight H100 each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tauon.model.accelerator import canonical_type, memory_gib_of
from tauon.model.errors import InvalidRequest
from tauon.model.ids import NodeId, PoolName
from tauon.model.node import Node, NodeShape
from tauon.model.pool import Pool

POOL = PoolName("cluster")
CORES_PER_GPU, MEMORY_GIB_PER_GPU = 16, 128
MOST_NODES = 1_000_000
# type:GPUs on each x nodes, or cpu:cores on each x nodes
_NODES = re.compile(r"([A-Za-z][A-Za-z0-9._-]*):(\d{1,6})x(\d{1,7})")


def nodes_in_short(texts: Sequence[str]) -> list[Node]:
    """The nodes that `TYPE:GPUSxNODES` (or `cpu:CORESxNODES`) texts describe. Raises InvalidRequest."""
    nodes: list[Node] = []
    for text in texts:
        match = _NODES.fullmatch(text.strip())
        if match is None or not int(match[2]) or not 0 < int(match[3]) <= MOST_NODES:
            raise InvalidRequest(
                f"--nodes {text}: expected TYPE:GPUSxNODES such as H100:8x16 (sixteen nodes of eight), or cpu:64x10"
            )
        each, count = int(match[2]), int(match[3])
        shape = _shape(match[1], each)
        nodes += [Node(id=NodeId(f"{match[1].lower()}-{len(nodes) + i}"), shape=shape) for i in range(count)]
    return nodes


def _shape(kind: str, each: int) -> NodeShape:
    if kind.lower() == "cpu":
        return NodeShape(pool=POOL, cpu_milli=each * 1000, memory_mib=each * 8 * 1024)
    kind = canonical_type(kind)
    return NodeShape(
        pool=POOL,
        accelerator=kind,
        accelerator_count=each,
        accelerator_memory_gib=memory_gib_of(kind),
        cpu_milli=each * CORES_PER_GPU * 1000,
        memory_mib=each * MEMORY_GIB_PER_GPU * 1024,
    )


def pools_of(nodes: Sequence[Node]) -> tuple[Pool, ...]:
    """A simulated pool for each that these nodes are in."""
    return tuple(Pool(name=name, provider="simulated") for name in dict.fromkeys(node.pool for node in nodes))
