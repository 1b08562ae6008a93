"""Vectors of the texts that the router itself compares, asked of its own backends like any other call of the grant."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from http import HTTPStatus

from factory_assets.network.async_client import AsyncClient
from factory_assets.router.asked import Asked
from factory_assets.router.embeddings_form import WantedVectors
from factory_assets.router.forms import UnconvertibleError
from factory_assets.router.grants import Live
from factory_assets.router.incoming import Incoming, RequestRefusedError
from factory_assets.router.passing import UnreachableError
from factory_assets.router.semantic import NoVectorError
from factory_assets.router.sending import Sender

# A question waits for it, and needs it to be answered for less, not to be answered.
_SECONDS = 10.0


@dataclass(frozen=True)
class OwnVectors:
    """Implements semantic.Vectors."""

    sender: Sender
    model: str

    async def of(self, text: str, live: Live) -> list[float]:
        """See semantic.Vectors."""
        try:
            wanted = WantedVectors.read(json.dumps({"model": self.model, "input": text}).encode())
            incoming = Incoming(
                method="POST",
                target="/v1/embeddings",
                headers=[],
                body=wanted.body,
                asked=Asked.read(wanted.body),
                live=live,
                vectors=wanted,
            )
            async with asyncio.timeout(_SECONDS), AsyncClient(_SECONDS, _SECONDS) as client:
                passing = await self.sender.send(client, incoming)
                content = b"".join([chunk async for chunk in passing.content])
        except TimeoutError:
            raise NoVectorError(f"no answer within {_SECONDS:.0f} seconds") from None
        except (RequestRefusedError, UnreachableError, UnconvertibleError) as error:
            raise NoVectorError(str(error).rstrip(".")) from error
        if passing.status >= HTTPStatus.BAD_REQUEST:
            raise NoVectorError(f"the server answered HTTP {passing.status}")
        vector: list[float] = json.loads(content)["data"][0]["embedding"]
        return vector
