"""One client's side of the protocol as a pure object: bytes in, bytes out, no socket.

Every request passes through `_handle` and every answer through `send`: the places where a lying
gateway can lie.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from sim.gateway import order_messages
from sim.gateway.core import Core
from sim.gateway.nouns import AccountMoved, Corrected, Event, Filled, OrderChanged, Refused
from sim.gateway.requests.accounts import Accounts
from sim.gateway.requests.market import MarketRequests
from sim.gateway.requests.orders import OrderRequests
from sim.gateway.wire.frames import HELLO, Field, FrameError, FrameReader, encode, fields_of
from sim.gateway.wire.reader import BadRequest, Reader

VERSION_MIN, VERSION_MAX = 157, 176
UNKNOWN_REQUEST, BAD_REQUEST, CLIENT_ID_IN_USE, NO_REQUEST = 320, 320, 326, -1
START_API = 71
NOTICES = (
    (2104, "Market data farm connection is OK:usfarm"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefil"),
)
_RANGE = re.compile(rb"v(\d{2,4})\.\.(\d{2,4})(?: .*)?")


class Session:
    """A connection from its first byte. `closed` is set when it is of no more use."""

    def __init__(self, core: Core, version_max: int = VERSION_MAX) -> None:
        self._core = core
        self._version_max = version_max
        self._hello = b""
        self._frames = FrameReader()
        self._out = bytearray()
        self._reports: list[list[Field]] = []
        self.version = 0
        self.client_id = -1
        self.closed = False
        self.accounts = Accounts(core, self)
        self._orders = OrderRequests(core, self)
        self._market = MarketRequests(core, self)
        self._handlers: dict[int, Callable[[Reader], None]] = {
            **self.accounts.handlers,
            **self._orders.handlers,
            **self._market.handlers,
        }

    # Bytes

    def receive(self, data: bytes) -> None:
        """Takes bytes in any split; answers wait in `take`."""
        try:
            if len(self._hello) < len(HELLO):
                missing = len(HELLO) - len(self._hello)
                self._hello += data[:missing]
                data = data[missing:]
                self._check_hello()
            for body in self._frames.feed(data):
                if not self.closed:
                    self._take_body(body)
        except FrameError:
            self.closed = True

    def _check_hello(self) -> None:
        if not HELLO.startswith(self._hello):
            raise FrameError("a connection that does not begin with API")

    def _take_body(self, body: bytes) -> None:
        if self.version == 0:
            self._negotiate(body)
            return
        fields = fields_of(body)
        try:
            self._handle(fields)
        except (BadRequest, ArithmeticError) as error:
            request_id = self._request_id(fields)
            self.error(
                request_id, BAD_REQUEST, f"Server error when reading an API request: {error}"
            )

    @staticmethod
    def _request_id(fields: list[str]) -> int:
        """The id of an order, which is its first field; other ids have no common place."""
        is_order = len(fields) > 1 and fields[0] == "3"
        return int(fields[1]) if is_order and fields[1].isdecimal() and len(fields[1]) < 10 else -1

    def take(self) -> bytes:
        """The bytes to be sent now."""
        out, self._out = bytes(self._out), bytearray()
        return out

    def send(self, *fields: Field) -> None:
        """One message to the client."""
        self._out += encode(fields)

    def error(self, request_id: int, code: int, text: str) -> None:
        """in:4."""
        fields: list[Field] = [4, 2, request_id, code, text]
        if self.version >= 166:
            fields.append("")
        self.send(*fields)

    # Start

    def _negotiate(self, body: bytes) -> None:
        found = _RANGE.fullmatch(body)
        if found is None:
            raise FrameError("a hello without a range of versions")
        version = min(int(found[2]), self._version_max)
        if version < max(VERSION_MIN, int(found[1])):
            raise FrameError(f"version {version} is not spoken")
        self.version = version
        now = self._core.exchange.now
        self.send(version, f"{now:%Y%m%d %H:%M:%S} UTC")

    def _handle(self, fields: list[str]) -> None:
        reader = Reader(fields)
        message = reader.integer()
        if self.client_id < 0:
            if message != START_API:
                raise FrameError("a request before startApi")
            self._start(reader)
            return
        handler = self._handlers.get(message)
        if handler is None:
            raise BadRequest(f"message {message} is not served")
        self._core.catch_up()
        handler(reader)

    def _start(self, reader: Reader) -> None:
        reader.skip(1)
        client_id = reader.integer()
        if client_id in self._core.clients or client_id < 0:
            text = "Unable to connect as the client id is already in use."
            self.error(NO_REQUEST, CLIENT_ID_IN_USE, text)
            self.closed = True
            return
        self.client_id = client_id
        self._core.clients[client_id] = self
        self.send(15, 1, self._core.exchange.account_id)
        self.send(9, 1, self._core.exchange.next_id(client_id))
        for code, text in NOTICES:
            self.error(NO_REQUEST, code, text)

    def leave(self) -> None:
        """The connection is gone; its orders stay."""
        if self._core.clients.get(self.client_id) is self:
            del self._core.clients[self.client_id]

    # Events

    def hear(self, event: Event) -> None:
        """Sends what an event means to this client, in the order real gateways do."""
        match event:
            case OrderChanged(order):
                listing = self._core.listing(order.con_id)
                self.send(*order_messages.open_order(order, listing, self.version))
                self.send(*order_messages.order_status(order))
                self._send_reports()
            case Filled(order, fill):
                listing = self._core.listing(order.con_id)
                self.send(*order_messages.execution(fill, listing, self.version, NO_REQUEST))
                self._reports.append(order_messages.commission_report(fill))
            case Refused(_, order_id, code, text, _):
                self.error(order_id, code, text)
            case Corrected(fill):
                listing = self._core.listing(fill.con_id)
                self.send(*order_messages.execution(fill, listing, self.version, NO_REQUEST))
                self.send(*order_messages.commission_report(fill))
            case AccountMoved(con_ids):
                self._send_reports()
                self.accounts.moved(con_ids)

    def _send_reports(self) -> None:
        """Commissions come after the status of the order that filled."""
        for report in self._reports:
            self.send(*report)
        self._reports.clear()

    def tick(self) -> None:
        """Streams say what has changed."""
        self.accounts.tick()
        self._market.tick()

    @property
    def streams(self) -> bool:
        """Whether the client waits for something that time alone brings."""
        return self.accounts.streams or self._market.streams
