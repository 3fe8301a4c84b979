"""The nodes of one shape by what they have free: equal ones in a group, and the groups where a search comes to them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator

from tauon.model.ids import NodeId
from tauon.model.resources import Resources
from tauon.model.room import Level

# Nodes at one level, in order of arrival. Placements mostly take the first: an OrderedDict drops it at once, where a
# dict would scan over the places of all that were dropped before.
Group = OrderedDict[NodeId, None]
Levels = dict[Level, Group]
Rows = list[dict[tuple[int, int], Levels]]
NOTHING = Resources()


def _size(level: Level) -> tuple[int, int]:
    """Powers of two, so that what is far too small is passed over all at once."""
    return level.cpu_milli.bit_length(), level.memory_mib.bit_length()


class Shelf:
    """Levels by how many accelerators are wholly free and by the size of what else is free; and by the shares that are
    free of accelerators given in part. Only its holder changes it; no group that it shows is empty.
    """

    __slots__ = ("_by_share", "_foreign", "_groups", "_rows")

    def __init__(self, rows: Rows, groups: Levels | None = None, by_share: dict[int, Levels] | None = None) -> None:
        self._rows = rows
        self._groups: Levels = {} if groups is None else groups.copy()
        self._by_share: dict[int, Levels] = {} if by_share is None else by_share
        self._foreign: Levels = {} if groups is None else groups.copy()  # that belong to what this is a copy of

    @classmethod
    def of(cls, accelerator_count: int) -> Shelf:
        """An empty one, for nodes with so many accelerators."""
        return cls([{} for _ in range(accelerator_count + 1)])

    def copy(self) -> Shelf:
        """The same; a group is copied when it is first changed."""
        rows = [{size: levels.copy() for size, levels in row.items()} for row in self._rows]
        return Shelf(rows, self._groups, {share: levels.copy() for share, levels in self._by_share.items()})

    def __len__(self) -> int:
        return len(self._groups)

    def group(self, level: Level) -> Group | None:
        """The nodes at a level; not to be changed."""
        return self._groups.get(level)

    def row(self, whole: int, want: Resources = NOTHING) -> Iterator[Levels]:
        """The levels with exactly `whole` accelerators wholly free; some with too few cores or too little memory for
        this are passed over."""
        cpu_size, memory_size = want.cpu_milli.bit_length(), want.memory_mib.bit_length()
        for (cpu, memory), levels in self._rows[whole].items():
            if cpu >= cpu_size and memory >= memory_size:
                yield levels

    def rows(self, want: Resources, least: int = 0) -> Iterator[Levels]:
        """The same for all levels with at least so many accelerators wholly free, the fewest first."""
        cpu_size, memory_size = want.cpu_milli.bit_length(), want.memory_mib.bit_length()
        for row in self._rows[least:]:
            for (cpu, memory), levels in row.items():
                if cpu >= cpu_size and memory >= memory_size:
                    yield levels

    def shares(self) -> Iterable[int]:
        """Which shares are free of accelerators that are given in part."""
        return self._by_share.keys()

    def with_share(self, share: int) -> Levels:
        """The levels at which exactly this share of an accelerator is free; not to be changed."""
        return self._by_share.get(share, {})

    # ------------------------------------------------------------------- for its holder

    def put(self, node: NodeId, level: Level) -> None:
        """A node is at this level."""
        group = self._own(level)
        if group is None:
            group = OrderedDict()
            self._enter(level, group)
        group[node] = None

    def drop(self, node: NodeId, level: Level) -> None:
        """A node is no longer at this level."""
        group = self._own(level)
        assert group is not None, "every node stands in the group of its level"
        del group[node]
        if not group:
            self._leave(level)

    def move(self, node: NodeId, before: Level, after: Level) -> None:
        """A node is at another level."""
        if before != after:
            self.drop(node, before)
            self.put(node, after)

    def _own(self, level: Level) -> Group | None:
        group = self._groups.get(level)
        if level in self._foreign and group is not None:
            del self._foreign[level]
            group = group.copy()
            self._enter(level, group)
        return group

    def _enter(self, level: Level, group: Group) -> None:
        self._groups[level] = group
        self._rows[level.whole].setdefault(_size(level), {})[level] = group
        for share in level.shares:
            self._by_share.setdefault(share, {})[level] = group

    def _leave(self, level: Level) -> None:
        del self._groups[level]
        row, size = self._rows[level.whole], _size(level)
        del row[size][level]
        if not row[size]:
            del row[size]
        for share in dict.fromkeys(level.shares):
            levels = self._by_share[share]
            del levels[level]
            if not levels:
                del self._by_share[share]
