"""What the gateway counts of each service: arrivals, what is in flight, how long it took, and tokens."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

# Seconds, upper bounds; about 1.6 apart, from a millisecond to ten minutes.
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60, 120, 300, 600)

# Where a reply is OpenAI-shaped, its usage stands near its end, in JSON as in the last event of a stream.
TAIL = 4096
_TOKENS = {
    "prompt": re.compile(rb'"prompt_tokens"\s*:\s*(\d{1,12})'),
    "completion": re.compile(rb'"completion_tokens"\s*:\s*(\d{1,12})'),
}


class Histogram:
    """How many took no longer than each bound."""

    __slots__ = ("counts", "total_s")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS_S) + 1)
        self.total_s = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BOUNDS_S, seconds)] += 1
        self.total_s += seconds

    @property
    def count(self) -> int:
        return sum(self.counts)

    def quantile(self, q: float) -> float:
        """The bound below which a share `q` lies; the last bound for what took longer than all."""
        wanted, seen = q * self.count, 0
        for bound, count in zip(BOUNDS_S, self.counts, strict=False):
            seen += count
            if seen >= wanted:
                return bound
        return BOUNDS_S[-1]


class Measures:
    """Of one service, since the gateway began."""

    __slots__ = ("arrivals", "held", "in_flight", "latency", "lost", "replies", "retries", "to_first_byte", "tokens")

    def __init__(self) -> None:
        self.arrivals = 0
        self.in_flight = 0
        self.held = 0  # of those, how many wait for a replica
        self.retries = 0
        self.lost = 0  # broken off in the middle of a reply, by the replica
        self.replies: Counter[int] = Counter()
        self.latency = Histogram()
        self.to_first_byte = Histogram()
        self.tokens: Counter[str] = Counter()

    def count_tokens(self, tail: bytes) -> None:
        """Take the usage that the end of a reply tells, if it does."""
        for kind, pattern in _TOKENS.items():
            found = pattern.findall(tail)
            if found:
                self.tokens[kind] += int(found[-1])


def exposition(measures: Mapping[str, Measures]) -> str:
    """All services in the text format of Prometheus."""
    lines: list[str] = []
    for name, help_, kind in (
        ("arrivals_total", "Requests that came for the service.", "counter"),
        ("in_flight", "Requests that have come and have not been answered.", "gauge"),
        ("held", "Requests that wait for a replica.", "gauge"),
        ("retries_total", "Requests that were sent to another replica.", "counter"),
        ("lost_total", "Replies that a replica broke off.", "counter"),
    ):
        lines += _heading(name, help_, kind)
        attribute = name.removesuffix("_total")
        lines += [f'tauon_gateway_{name}{{service="{s}"}} {getattr(m, attribute)}' for s, m in measures.items()]
    lines += _heading("replies_total", "Replies by status.", "counter")
    for service, one in measures.items():
        counted = sorted(one.replies.items())
        lines += [f'tauon_gateway_replies_total{{service="{service}",status="{code}"}} {n}' for code, n in counted]
    lines += _heading("tokens_total", "Tokens that OpenAI-shaped replies told.", "counter")
    for service, one in measures.items():
        told = sorted(one.tokens.items())
        lines += [f'tauon_gateway_tokens_total{{service="{service}",kind="{kind}"}} {n}' for kind, n in told]
    for name, help_ in (("latency", "Seconds to the end of the reply."), ("to_first_byte", "Seconds to its head.")):
        lines += _heading(f"{name}_seconds", help_, "histogram")
        for service, one in measures.items():
            lines += _buckets(f"tauon_gateway_{name}_seconds", service, getattr(one, name))
    return "\n".join(lines) + "\n"


def _heading(name: str, help_: str, kind: str) -> list[str]:
    return [f"# HELP tauon_gateway_{name} {help_}", f"# TYPE tauon_gateway_{name} {kind}"]


def _buckets(name: str, service: str, histogram: Histogram) -> Iterable[str]:
    seen = 0
    for bound, count in zip((*map(str, BOUNDS_S), "+Inf"), histogram.counts, strict=True):
        seen += count
        yield f'{name}_bucket{{service="{service}",le="{bound}"}} {seen}'
    yield f'{name}_sum{{service="{service}"}} {histogram.total_s:.6f}'
    yield f'{name}_count{{service="{service}"}} {seen}'
