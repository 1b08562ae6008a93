"""The licences that arXiv's papers have, and which of them let a text be quoted at length.

The set: https://info.arxiv.org/help/license/index.html, with those that earlier papers were given
(https://arxiv.org/licenses/assumed-1991-2003/ and arXiv's records before version 4.0 of Creative Commons). What each
allows: https://creativecommons.org/share-your-work/cclicenses/. A single sentence, with its source, may be quoted of
any text; `quotable` is about more than that.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict


class Licence(BaseModel):
    """One licence. `address` is without scheme and last slash; `spdx` is its name at https://spdx.org/licenses/.

    `quotable`: passages may be passed on, also for money and with other text, when the authors are named.
    """

    model_config = ConfigDict(frozen=True)

    address: str
    spdx: str | None
    quotable: bool


ARXIV_LICENCES = tuple(
    Licence(address=address, spdx=spdx, quotable=quotable)
    for address, spdx, quotable in (
        ("creativecommons.org/licenses/by/4.0", "CC-BY-4.0", True),
        ("creativecommons.org/licenses/by-sa/4.0", "CC-BY-SA-4.0", True),
        ("creativecommons.org/publicdomain/zero/1.0", "CC0-1.0", True),
        # What is built is sold by some, and changes what it quotes.
        ("creativecommons.org/licenses/by-nc-sa/4.0", "CC-BY-NC-SA-4.0", False),
        ("creativecommons.org/licenses/by-nc-nd/4.0", "CC-BY-NC-ND-4.0", False),
        # It gives rights to arXiv alone.
        ("arxiv.org/licenses/nonexclusive-distrib/1.0", None, False),
        # Earlier papers
        ("arxiv.org/licenses/assumed-1991-2003", None, False),
        ("creativecommons.org/licenses/by/3.0", "CC-BY-3.0", True),
        ("creativecommons.org/licenses/by-nc-sa/3.0", "CC-BY-NC-SA-3.0", False),
        ("creativecommons.org/licenses/publicdomain", "CC-PDDC", True),
    )
)
_BY_ADDRESS = {licence.address: licence for licence in ARXIV_LICENCES}


def arxiv_licence(address: str | None) -> Licence | None:
    """The licence at an address, as arXiv's records name it; None where it is not one of arXiv's."""
    if address is None:
        return None
    try:
        parts = urlsplit(address.strip())
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or parts.query:
        return None
    path = parts.path.rstrip("/").removesuffix("/license.html").removesuffix("/deed.en")
    return _BY_ADDRESS.get(f"{parts.netloc.lower().removeprefix('www.')}{path}")


def may_be_quoted(address: str | None) -> bool:
    """Whether the licence at an address lets more than single sentences be passed on; an unknown one does not."""
    licence = arxiv_licence(address)
    return licence is not None and licence.quotable
