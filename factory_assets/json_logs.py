"""Log lines as JSON, in the form of Dagster's programs with `--log-format json`: one form for whoever collects them."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Literal


class JsonFormatter(logging.Formatter):
    """One JSON object a line: timestamp, level, logger, event, and exception where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        told = {
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
        }
        if record.exc_info:
            told["exception"] = self.formatException(record.exc_info)
        return json.dumps(told, ensure_ascii=False)


def log_as(form: Literal["text", "json"]) -> None:
    """Have what this program logs from now on written in that form, to its standard error; a text is as it was."""
    if form == "text":
        return
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("factory_assets").setLevel(logging.INFO)
