"""From Slurm's nodes to the pool's: amounts, accelerator types, and which take work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tauon.model.accelerator import canonical_type, memory_gib_of, type_of_product
from tauon.model.ids import NodeId
from tauon.model.node import Node, NodeShape, NodeState
from tauon.model.pool import Pool
from tauon.model.resources import MILLI, Resources
from tauon.providers.slurm.listing import NodeRow

HOSTNAME = "hostname"
ADDRESS = "address"
GRES = "gres"
UNTYPED = "GPU"
# States by what they mean for work, from the words that sinfo joins by `+` after the basic state.
_TAKES_WORK = frozenset({"idle", "allocated", "mixed", "completing", "powering_up", "powered_down", "cloud", "planned"})
_GONE = frozenset({"down", "error", "failing", "fail", "future", "powering_down", "unknown", "inval"})


def node_id(pool: Pool, name: str) -> NodeId:
    """Names are unique in a cluster, ids everywhere."""
    return NodeId(f"{pool.name}-{name}")


def nodes_of(
    pool: Pool, rows: Iterable[NodeRow], types: Mapping[str, str], held: Mapping[str, Resources]
) -> tuple[Node, ...]:
    """The nodes that are there. Those that are down are not: Slurm has ended what ran on them. `held` is what others than
    this pool hold, by name."""
    nothing = Resources()
    return tuple(_node(pool, row, types, held.get(row.name, nothing)) for row in rows if not _words(row.state) & _GONE)


def _words(state: str) -> set[str]:
    """`mixed+drain*` in words; the marks (not responding, powered down and so on) are `sinfo`'s."""
    return set(state.lower().rstrip("*~#!%$@^-").split("+"))


def _node(pool: Pool, row: NodeRow, types: Mapping[str, str], others: Resources) -> Node:
    gres, count = max(row.gpus.items(), key=lambda one: one[1], default=("", 0))
    accelerator = _type(gres, types) if count else ""
    unable = _unable(row)
    return Node(
        id=node_id(pool, row.name),
        shape=NodeShape(
            pool=pool.name,
            accelerator=accelerator,
            accelerator_count=count,
            accelerator_memory_gib=memory_gib_of(accelerator),
            cpu_milli=row.cpus * MILLI,
            memory_mib=row.memory_mib,
            disk_mib=row.disk_mib,
            region=pool.region,
            residency=pool.residency,
            capacity_type=pool.capacity_type,
            rates=pool.rates(accelerator),
        ),
        state=NodeState.DRAINING if unable else NodeState.READY,
        message=unable,
        others=others,
        labels={HOSTNAME: row.name, ADDRESS: row.address} | ({GRES: gres} if gres else {}),
    )


def _unable(row: NodeRow) -> str:
    """Why a node that is there takes no new work, or an empty string."""
    words = _words(row.state)
    if row.state.endswith("*"):
        return "does not respond to Slurm"
    if words <= _TAKES_WORK:
        return ""
    what = ", ".join(sorted(words - _TAKES_WORK))
    return f"Slurm says {what}: {row.reason}" if row.reason else f"Slurm says {what}"


def _type(gres: str, types: Mapping[str, str]) -> str:
    """The accelerator type: as configured, else what Slurm's name for it stands for."""
    if gres in types:
        return canonical_type(types[gres])
    if not gres:
        return UNTYPED
    known = canonical_type(gres)
    return known if known != gres else type_of_product(gres.replace("_", " "))
