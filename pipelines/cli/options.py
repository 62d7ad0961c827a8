"""Values that several commands take. They are checked first: wrong ones are wrong usage."""

from __future__ import annotations

from typing import Annotated, Any

import typer

_MAX_PORT = 65_535


def checked_tenant(given: str | None) -> str | None:
    """Return a tenant's id if it can be one."""
    from resources.vocabulary import is_tenant_id

    if given is not None and not is_tenant_id(given):
        raise typer.BadParameter(
            f"{given!r} cannot be a tenant's id. Use 1 to 63 small letters, digits and hyphens, "
            "beginning with a letter or digit, for example acme-hotels."
        )
    return given


def checked_tenants(given: list[str] | None) -> list[str] | None:
    """As ``checked_tenant``, for an option that can be repeated."""
    for one in given or []:
        checked_tenant(one)
    return given


def checked_address(given: str | None) -> str | None:
    """Return an email address if it looks like one."""
    if given is not None:
        name, _, host = given.strip().rpartition("@")
        if not name or not host or any(letter.isspace() for letter in given.strip()):
            raise typer.BadParameter(f"{given!r} is not an email address such as ann@example.com.")
    return given


def port_option(what: str) -> Any:
    """Describe an option that takes a port."""
    return typer.Option(min=0, max=_MAX_PORT, help=what)


Tenant = Annotated[str, typer.Argument(help="The tenant.", callback=checked_tenant)]
"""The tenant that a command is about."""

Seed = Annotated[int, typer.Option(min=0, help="The same seed gives the same result.")]
"""Where chance begins."""
