"""A server's own past played again: from what is asked to what the simulator plays, and from its answer to what is shown."""

from __future__ import annotations

from tauon.model.errors import InvalidRequest
from tauon.ports.what_if import Comparison, Question
from tauon.service.control_plane import WhatIfQuery
from tauon.service.page_views import Replay, ReplayedWorld


async def no_replay(_: Question) -> Comparison:
    """For control planes that were joined to no simulator."""
    raise InvalidRequest("this control plane plays no past again; run `tauon simulate`")


def question_of(query: WhatIfQuery) -> Question:
    """What to play; whoever plays knows where the journal is."""
    return Question(source="", policies=query.policies, nodes=query.nodes, last_s=query.last_s, seed=query.seed)


def replay_of(found: Comparison) -> Replay:
    """A comparison as it is shown."""
    worlds = [
        ReplayedWorld(policy=one.policy, score=one.score, curve=one.curve, refused=list(one.refused))
        for one in found.outcomes
    ]
    return Replay(
        jobs=found.jobs,
        nodes=found.nodes,
        accelerators=found.accelerators,
        skipped=list(found.skipped),
        worlds=worlds,
    )
