"""Messages by apprise (https://appriseit.com), whose URLs name a service and hold the keys to it.

What apprise and the libraries below it log can hold parts of such a URL, so nothing of it is let through but the number
that a server answered.
"""

from __future__ import annotations

import logging
import re
from types import ModuleType

from pydantic import SecretStr

_ANSWERED = re.compile(r"\berror=(\d{3})\b")
# The requests that it logs below this level have the whole path in them.
_TELLS_PATHS = "urllib3.connectionpool"


class _NumbersOnly(logging.Filter):
    """Lets nothing of a record through but the status in it."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether there is one."""
        answered = _ANSWERED.search(record.getMessage())
        record.msg, record.args = f"An alert was not taken: error={answered[1] if answered else ''}", ()
        record.exc_info = record.exc_text = record.stack_info = None
        return answered is not None


_NUMBERS_ONLY = _NumbersOnly()


def takes(url: SecretStr) -> bool:
    """Whether apprise knows a service by this URL, and has all of it that the service needs."""
    return _apprise().Apprise.instantiate(url.get_secret_value()) is not None


def send(url: SecretStr, *, title: str, body: str, seconds: float) -> str | None:
    """Send plain text to the service; why it did not take it, or None.

    Args:
        url: of one service.
        title: of the message, for services that have titles.
        body: of the message.
        seconds: after which no answer is waited for.
    """
    apprise = _apprise()
    service = apprise.Apprise()
    if not service.add(url.get_secret_value()):
        return "apprise does not take this URL"
    with service.notify(body, title, body_format=apprise.NotifyFormat.TEXT, timeout=seconds) as result:
        if result:
            return None
        if result.timeout_count:
            return f"It did not answer in {seconds:g} s"
        codes = [match[1] for entry in result.logs() for match in _ANSWERED.finditer(entry.message)]
    return f"It answered {codes[-1]}" if codes else "It did not take the message"


def _apprise() -> ModuleType:
    import apprise  # noqa: PLC0415  half a second to import

    # Added once, however often it is asked for.
    apprise.logger.addFilter(_NUMBERS_ONLY)
    logging.getLogger(_TELLS_PATHS).setLevel(logging.INFO)
    return apprise
