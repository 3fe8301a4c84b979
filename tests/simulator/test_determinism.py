"""The same scenario and seed give the same journal, byte for byte, in any process."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys

from msgspec.structs import replace

from tauon.simulator.chance import Chance
from tauon.simulator.simulation import simulate
from tests.house.source import ROOT
from tests.simulator.crowds import crowded_world

NUMBERS = (3, 7, 35)
PLAY = "from tests.simulator.test_determinism import digest, NUMBERS; print(*map(digest, NUMBERS))"


def digest(number: int) -> str:
    """What became of a crowded world, in a word."""
    return hashlib.sha256(asyncio.run(simulate(crowded_world(number))).journal()).hexdigest()


def played_elsewhere(hash_seed: str) -> list[str]:
    environment = os.environ | {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}"}
    command = [sys.executable, "-c", PLAY]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_the_same_seed_gives_the_same_journal_in_every_process() -> None:
    here = [digest(number) for number in NUMBERS]
    assert played_elsewhere("1") == here
    assert played_elsewhere("4242") == here


def test_another_seed_gives_other_luck() -> None:
    world = crowded_world(7)
    faulty = replace(world, faults=replace(world.faults, start_fails=0.3))
    one, other = (asyncio.run(simulate(replace(faulty, seed=seed))).journal() for seed in (1, 2))
    assert one != other


def test_chance_depends_on_what_is_asked_and_not_on_when() -> None:
    chance = Chance(5)
    asked = [chance.unit("start fails", f"j{i}-1") for i in range(1000)]
    assert [chance.unit("start fails", f"j{i}-1") for i in reversed(range(1000))] == asked[::-1]
    assert all(0 <= value < 1 for value in asked)
    assert abs(sum(asked) / 1000 - 0.5) < 0.05
    assert abs(sum(chance.exponential(3.0, i) for i in range(5000)) / 5000 - 3.0) < 0.2
