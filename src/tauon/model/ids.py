"""Names for the identities that travel through every room, so that one can't be taken for another."""

from typing import NewType

JobId = NewType("JobId", str)
AttemptId = NewType("AttemptId", str)
NodeId = NewType("NodeId", str)
PoolName = NewType("PoolName", str)
QueueName = NewType("QueueName", str)
OfferId = NewType("OfferId", str)


def attempt_id(job: JobId, number: int) -> AttemptId:
    """The id of the `number`-th attempt (from 1) of a job: a pure function, so that no one needs a random number."""
    return AttemptId(f"{job}-{number}")
