"""The nodes of a local pool: this machine with the GPUs it has, or nodes that pretend to have accelerators."""

from __future__ import annotations

import platform
from collections.abc import Sequence

from tauon.model.accelerator import memory_gib_of
from tauon.model.ids import NodeId
from tauon.model.node import Node, NodeShape
from tauon.model.pool import Pool
from tauon.providers.local.machine import Machine
from tauon.providers.local.nvml import Gpu
from tauon.providers.local.options import LocalOptions, VirtualGpus


def amounts_of(options: LocalOptions, measured: Machine) -> Machine:
    """What the pool gives in all: as configured, else as measured."""
    return Machine(
        cpu_milli=measured.cpu_milli if options.cpu is None else round(options.cpu * 1000),
        memory_mib=measured.memory_mib if options.memory_gib is None else round(options.memory_gib * 1024),
        disk_mib=measured.disk_mib if options.disk_gib is None else round(options.disk_gib * 1024),
    )


def pretend_nodes(pool: Pool, machine: Machine, pretended: Sequence[VirtualGpus]) -> tuple[Node, ...]:
    """Nodes with virtual accelerators. Memory and disk are divided among them, so that they can't be given twice.

    Every one shows all the cores: what runs on virtual accelerators is there to be tried out, and cores can be shared
    in time, so that a job which asks for four of them fits as it would on the node that is pretended.
    """
    count = len(pretended)
    part = Machine(machine.cpu_milli, machine.memory_mib // count, machine.disk_mib // count)
    return tuple(
        Node(
            id=_node_id(pool, number),
            shape=_shape(pool, part, virtual.type, virtual.count, memory_gib_of(virtual.type)),
            labels=_labels(),
            accelerator_ids=tuple(f"virtual-{number}-{index}" for index in range(virtual.count)),
            virtual=True,
        )
        for number, virtual in enumerate(pretended, start=1)
    )


def real_nodes(pool: Pool, machine: Machine, gpus: Sequence[Gpu]) -> tuple[Node, ...]:
    """This machine as a node. With GPUs of several types it is as many nodes, for a node has one type; each gets a
    part of the cores, memory and disk by its number of GPUs."""
    if not gpus:
        return (Node(id=_node_id(pool, 1), shape=_shape(pool, machine, "", 0, 0), labels=_labels()),)
    types = sorted({gpu.type for gpu in gpus}, key=lambda type_: min(g.place for g in gpus if g.type == type_))
    nodes = []
    for number, type_ in enumerate(types, start=1):
        alike = [gpu for gpu in gpus if gpu.type == type_]
        part = Machine(*(amount * len(alike) // len(gpus) for amount in machine))
        shape = _shape(pool, part, type_, len(alike), min(gpu.memory_gib for gpu in alike))
        ids = tuple(gpu.uuid for gpu in alike)
        nodes.append(Node(id=_node_id(pool, number), shape=shape, labels=_labels(), accelerator_ids=ids))
    return tuple(nodes)


def _node_id(pool: Pool, number: int) -> NodeId:
    return NodeId(f"{pool.name}-{number}")


def _labels() -> dict[str, str]:
    return {"hostname": platform.node()}


def _shape(pool: Pool, part: Machine, accelerator: str, count: int, memory_gib: int) -> NodeShape:
    return NodeShape(
        pool=pool.name,
        accelerator=accelerator,
        accelerator_count=count,
        accelerator_memory_gib=memory_gib,
        cpu_milli=part.cpu_milli,
        memory_mib=part.memory_mib,
        disk_mib=part.disk_mib,
        region=pool.region,
        residency=pool.residency,
        capacity_type=pool.capacity_type,
        rates=pool.rates(accelerator),
    )
