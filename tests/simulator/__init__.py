"""Tests of the simulator, and through it of the whole loop: what must hold in every world, however it goes wrong."""
