"""The session that asked, as far as the answers to its requests need it."""

from __future__ import annotations

from typing import Any, Protocol

from sim.gateway.core import Core


class Asker(Protocol):
    """A client's session."""

    core: Core
    client_id: int
    version: int
    closed: bool

    def say(self, name: str, **values: Any) -> None:
        """One message, by its layout's names."""

    def error(self, request_id: int, code: int, text: str) -> None:
        """One message of the error channel."""
