"""Store, list and delete secrets; a value is never shown."""

from __future__ import annotations

from tauon.cli.options import Nothing, SecretName, SecretValue
from tauon.cli.output import Output
from tauon.service.control_plane import ControlPlane


async def set_secret(plane: ControlPlane, output: Output, options: SecretValue) -> int:
    """`tauon secret set`."""
    await plane.put_secret(options.name, options.value)
    output.show(
        {"name": options.name}, lambda *_: f"{options.name} is stored; jobs get it by `secrets: [{options.name}]`"
    )
    return 0


async def list_secrets(plane: ControlPlane, output: Output, _: Nothing) -> int:
    """`tauon secret list`."""
    names = await plane.secrets()
    output.show(names, lambda found, _: "\n".join(found))
    if not names:
        output.note("No secret is stored. Store one with `tauon secret set NAME`.")
    return 0


async def delete_secret(plane: ControlPlane, output: Output, options: SecretName) -> int:
    """`tauon secret delete`."""
    await plane.delete_secret(options.name)
    output.show({"name": options.name}, lambda *_: f"{options.name} is deleted")
    return 0
