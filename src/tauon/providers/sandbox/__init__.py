"""Pretended clouds: machines that are bought, boot, cost moving prices and are taken back, all by seed; real processes
run on them by whichever provider runs the pool's jobs."""

from tauon.providers.sandbox.source import SandboxNodes

NODES = SandboxNodes
