"""The command that runs the instance's router."""

from __future__ import annotations

from typing import Annotated

import typer

from factory_assets.cli.common import console
from factory_assets.cli.instance import open_instance
from factory_assets.cli.processes import free_port
from factory_assets.domain.errors import InputError
from factory_assets.instance import Instance
from factory_assets.json_logs import log_as
from factory_assets.settings import Settings


def _check_key(settings: Settings, parts: Instance) -> None:
    if settings.shared_router_url is not None:
        raise InputError(
            f"This host's calls go through the router at {settings.shared_router_url}.",
            where="LLM_ROUTER_URL beside FACTORY_ROUTER_KEY",
            fix="Start a router on that host alone, and leave LLM_ROUTER_URL empty there.",
        )
    if settings.factory_router_key is not None and parts.secrets.api_key is None:
        raise InputError(
            "A router that other hosts share needs an API key; a person's subscription is for one machine.",
            where="FACTORY_ROUTER_KEY",
            fix="Set ANTHROPIC_API_KEY or ANTHROPIC_AUTH_TOKEN on this host, or leave FACTORY_ROUTER_KEY empty.",
        )


def router(
    port: Annotated[int, typer.Option(help="Where it listens; 0 takes a free one.", min=0, max=65535)] = 0,
    host: Annotated[str, typer.Option(help="An address of this machine; loopback unless told otherwise.")] = (
        "127.0.0.1"
    ),
) -> None:
    """Run the router through which every call of the model goes; `up` does it by itself."""
    from factory_assets.router.made import router_of
    from factory_assets.router.serving import serve

    instance = open_instance()
    _check_key(instance.settings, instance.parts)
    port = port or free_port()
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    place = instance.parts.router.place
    if (found := place.find()) is not None:
        raise InputError(
            f"This instance has a router already, at {found.url}.",
            where=str(place.folder),
            fix="Let it do the work, or stop it first; `make down` stops the one of `make up`.",
        )
    log_as(instance.settings.factory_log_format)
    console.print(f"The router: {url} (Ctrl-C stops it)", highlight=False)
    with router_of(place, instance.parts.router.config()) as running, place.told(url):
        try:
            serve(running, host, port)
        except OSError as error:
            raise InputError(
                f"The router cannot listen on {host}:{port}: {error.strerror}.",
                where="--host and --port",
                fix="Name an address of this machine and a free port.",
            ) from error
