"""The JSON log: one line per event in `state_dir/agent.log`, the libraries' words included."""

from __future__ import annotations

import logging
import logging.handlers
from collections.abc import Callable, MutableMapping
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog

FILE_NAME = "agent.log"
FILE_BYTES_MAX = 10_000_000
FILES_KEPT = 5


def open_log(state_dir: Path, now: Callable[[], datetime], session_id: str) -> None:
    """Every logger of this process writes JSON lines into the file, each with the session id.

    now: the session's clock; simulated sessions log in simulated time.
    """
    handler = logging.handlers.RotatingFileHandler(
        state_dir / FILE_NAME, maxBytes=FILE_BYTES_MAX, backupCount=FILES_KEPT, encoding="utf-8"
    )

    def add_time(
        _logger: Any, _name: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        return {"at": now().isoformat(), "session_id": session_id, **event}

    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_log_level, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                add_time,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
