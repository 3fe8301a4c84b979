"""Take work off nodes that will be taken back: it gets the notice at once, so that it is saved and goes on elsewhere."""

from __future__ import annotations

from tauon.model.attempt import StopCause
from tauon.planner.draft import Draft

MARGIN_US = 1_000_000  # what is left between the kill and the moment the node goes


def evacuate(draft: Draft) -> None:
    """Stop what runs on nodes whose reclaim has been announced, each with as much notice as there is time for."""
    cluster = draft.snapshot.cluster
    for node_id in cluster.bought:
        node = cluster.nodes[node_id]
        if node.reclaim_at_us is None:
            continue
        left_s = max(0, node.reclaim_at_us - MARGIN_US - draft.snapshot.at_us) / 1e6
        for attempt in cluster.live.on_node(node_id):
            if attempt.id not in draft.stopping:
                notice_s = min(cluster.jobs[attempt.job].notice_s, left_s)
                why = f"its node {node_id} is being taken back ({node.shape.capacity_type})"
                draft.stop(attempt, StopCause.PREEMPTED, notice_s, why)
