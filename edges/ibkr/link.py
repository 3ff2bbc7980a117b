"""One connection to the gateway on which every wait has an end and every failure a name."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from edges.errors import NotServing, OutcomeUnknown, Refused
from edges.ibkr.library import DeskIB, RequestError

T = TypeVar("T")
OpenRow = tuple[Any, Any, int, str]  # contract, order, order id, status word

NOTICES_KEPT = 200
CLIENT_ID_IN_USE = 326
STARTING_SECONDS_FACTOR = 3  # handshake, then two rounds of requests, each bounded by the timeout


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """Where a gateway listens and as whom to connect."""

    host: str
    port: int
    client_id: int
    timeout_seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Notice:
    """One message of the error channel, as it was said."""

    request_id: int
    code: int
    text: str


class Link:
    """A connection whose requests are bounded; string-keyed ones are serialised.

    The library keeps one future for each kind of string-keyed request (positions, open orders): a
    second call while the first is open would orphan it, and it would wait for ever.
    """

    def __init__(self, address: Address) -> None:
        self.address = address
        self.notices: deque[Notice] = deque(maxlen=NOTICES_KEPT)
        self.changed = asyncio.Event()  # an order, execution or connection changed
        self.ib = DeskIB(self)
        self.keyed = asyncio.Lock()
        self.order_words: dict[int, tuple[str, float]] = {}  # by permId: last status and filled
        self._open_rows: list[OpenRow] | None = None

    # What the library hears (see library.Listener). Handlers only note down.
    def heard_open_order(self, order_id: int, contract: Any, order: Any, state: Any) -> None:
        """Note the status word that came with an openOrder."""
        if self._open_rows is not None:
            self._open_rows.append((contract, order, order_id, state.status))
        else:
            self.changed.set()

    def heard_order_status(self, perm_id: int, status: str, filled: float) -> None:
        """Note the status word of an orderStatus."""
        self.order_words[perm_id] = (status, filled)
        if self._open_rows is None:  # else it is part of a list that was asked for
            self.changed.set()

    def heard_execution(self) -> None:
        """Wake whoever keeps the books."""
        self.changed.set()

    def heard_error(self, request_id: int, code: int, text: str) -> None:
        """Keep the broker's words; they decide nothing here."""
        self.notices.append(Notice(request_id=request_id, code=code, text=text))
        self.changed.set()

    @contextmanager
    def collecting_open_orders(self) -> Iterator[list[OpenRow]]:
        """Inside, every openOrder message is collected as it was sent.

        The library would merge it into what it has, and keep old values of tif, group and parent.
        """
        rows: list[OpenRow] = []
        self._open_rows = rows
        try:
            yield rows
        finally:
            self._open_rows = None

    def notices_of(self, request_id: int) -> tuple[Notice, ...]:
        """What the error channel said about one request or order."""
        return tuple(notice for notice in self.notices if notice.request_id == request_id)

    async def connect(self) -> None:
        """Connected and past the library's own synchronisation.

        Raises NotServing with one line that says what to look at.
        """
        # The library asks the policy, not asyncio, for its loop.
        asyncio.set_event_loop(asyncio.get_running_loop())
        address = self.address
        where = f"{address.host}:{address.port}"
        try:
            await asyncio.wait_for(
                self.ib.connectAsync(
                    address.host, address.port, address.client_id, address.timeout_seconds
                ),
                address.timeout_seconds * STARTING_SECONDS_FACTOR,
            )
        except ConnectionRefusedError as error:
            raise NotServing(
                f"nothing listens at {where}: start IB Gateway (or `agent.py gateway`) there, "
                "or correct ibkr.host and the port in config.yaml"
            ) from error
        except (TimeoutError, OSError) as error:
            if any(notice.code == CLIENT_ID_IN_USE for notice in self.notices):
                raise NotServing(
                    f"client id {address.client_id} is in use at {where}: end the other program "
                    "that uses it, or restart the gateway if it crashed"
                ) from error
            raise NotServing(
                f"the gateway at {where} does not answer within {address.timeout_seconds:g} s "
                f"({type(error).__name__}): is it logged in, and is its API enabled?"
            ) from error

    @property
    def account_ids(self) -> tuple[str, ...]:
        """The accounts this login may trade."""
        return tuple(self.ib.managedAccounts())

    async def ask(self, what: str, awaitable: Awaitable[T], seconds: float | None = None) -> T:
        """The answer to one request.

        Raises Refused with the broker's words and code, OutcomeUnknown after `seconds` (default:
        the address's timeout), NotServing if the connection is gone.
        """
        limit = self.address.timeout_seconds if seconds is None else seconds
        try:
            return await asyncio.wait_for(awaitable, limit)
        except RequestError as error:
            raise Refused(
                f"{what}: the broker says {error.code}: {error.message}", error.code
            ) from error
        except TimeoutError as error:
            raise OutcomeUnknown(f"{what}: no answer within {limit:g} s") from error
        except ConnectionError as error:
            raise NotServing(f"{what}: the connection to the gateway is gone ({error})") from error

    async def ask_keyed(self, what: str, request: Callable[[], Awaitable[T]]) -> T:
        """Like `ask`, one at a time, for requests that the library keys by a word."""
        async with self.keyed:
            return await self.ask(what, request())

    def close(self) -> None:
        """Disconnected; harmless when it already is."""
        if self.ib.isConnected():
            self.ib.disconnect()
