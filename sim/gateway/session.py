"""One client's side of the protocol as a pure object: bytes in, bytes out, no socket.

Every request passes through `_take` and every answer through `say`: the two places where a lying
gateway lies.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sim.gateway.core import Core
from sim.gateway.faults.fault import Answer, Request
from sim.gateway.nouns import AccountMoved, Corrected, Event, Filled, OrderChanged, Refused
from sim.gateway.requests import orders
from sim.gateway.requests.accounts import Accounts
from sim.gateway.requests.contracts import Contracts
from sim.gateway.requests.history import History
from sim.gateway.requests.news import News
from sim.gateway.requests.orders import Orders
from sim.gateway.requests.quotes import Quotes
from sim.gateway.requests.scanner import Scanner
from sim.gateway.wire import answers, requests
from sim.gateway.wire.frames import HELLO, FrameError, FrameReader, encode, fields_of, frame
from sim.gateway.wire.layout import Layout, Part, Values
from sim.gateway.wire.words import BadRequest, LeftOver

VERSION_MIN, VERSION_MAX = 157, 176
MISALIGNED_VERSION = 158  # clients disagree about openOrder's duration there: never spoken
BAD_REQUEST, NOT_SERVED, TOO_FAST, CLIENT_ID_IN_USE, NO_REQUEST = 320, 321, 100, 326, -1
UNREADABLE = "Server error when reading an API request"
NOTICES = (
    (2104, "Market data farm connection is OK:usfarm"),
    (2106, "HMDS data farm connection is OK:ushmds"),
    (2158, "Sec-def data farm connection is OK:secdefil"),
)
_RANGE = re.compile(rb"v(\d{2,4})\.\.(\d{2,4})(?: .*)?")
_IDS = ("reqId", "orderId")


def served_version(least: int, most: int, at_most: int) -> int:
    """The version spoken with a client of that range. Raises FrameError where there is none."""
    version = min(most, at_most)
    if version == MISALIGNED_VERSION:
        version -= 1
    if version < max(VERSION_MIN, least):
        raise FrameError(f"version {version} is not spoken")
    return version


@dataclass(slots=True)
class _Pace:
    """How many messages came within the last second of the event loop."""

    most: int
    seconds: Callable[[], float]
    came: deque[float] = field(default_factory=deque)

    def exceeded(self) -> bool:
        """One more message has come: whether it is one too many. A limit of 0 is none."""
        if self.most == 0:
            return False
        now = self.seconds()
        while self.came and self.came[0] <= now - 1:
            self.came.popleft()
        self.came.append(now)
        return len(self.came) > self.most


class Session:
    """A connection from its first byte. `closed` is set when it is of no more use."""

    def __init__(self, core: Core, version_max: int = VERSION_MAX) -> None:
        self.core = core
        self._version_max = version_max
        self._hello = b""
        self._frames = FrameReader()
        self._waiting: deque[bytes] = deque()  # bodies of frames not yet taken
        self._stalled: Callable[[], None] | None = None  # what a freeze caught on its way
        self._out = bytearray()
        self._pace = _Pace(core.rules.messages_per_second_max, core.seconds)
        self.version = 0
        self.client_id = -1
        self.closed = False
        self.accounts = Accounts(self)
        self.quotes = Quotes(self)
        self.history = History(self)
        self.scanner = Scanner(self)
        self._handlers: dict[str, Callable[[Values], None]] = {
            **Orders(self).handlers,
            **self.accounts.handlers,
            **self.quotes.handlers,
            **self.history.handlers,
            **self.scanner.handlers,
            **Contracts(self).handlers,
            **News(self).handlers,
            "setServerLogLevel": lambda _: None,
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
            self._waiting.extend(self._frames.feed(data))
        except FrameError:
            self.closed = True
        self.work()

    def work(self) -> None:
        """Takes on what has been received, in order, until the gateway freezes."""
        if self.core.frozen:
            return
        stalled, self._stalled = self._stalled, None
        try:
            if stalled is not None and not self.closed:
                stalled()
            while self._waiting and not self.closed and not self.core.frozen:
                self._take_body(self._waiting.popleft())
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
        layout = self._layout(fields[0])
        self._attempt(layout, fields, partial(self._take, layout, fields))

    def _attempt(self, layout: Layout | None, fields: list[str], act: Callable[[], None]) -> None:
        """`act` happens, once the gateway is not frozen; a request that cannot be read is refused.

        The request was read before the freeze, so nothing that came after it may overtake it.
        """
        if self.core.frozen:
            self._stalled = partial(self._attempt, layout, fields, act)
            return
        try:
            act()
        except (BadRequest, ArithmeticError) as error:
            words = f"{UNREADABLE}: {error}"
            self.core.tally.note(
                f"{fields[0][:20]}: {error}", left_over=isinstance(error, LeftOver)
            )
            self.error(_request_id(layout, fields, self.version), BAD_REQUEST, words)

    def take(self) -> bytes:
        """The bytes to be sent now."""
        out, self._out = bytes(self._out), bytearray()
        return out

    # Answers

    def say(self, name: str, **values: Any) -> None:
        """One message to the client, by its layout's names."""
        faults = self.core.faults
        if not faults.active:
            self.put(Answer(name, values))
            return
        for answer in faults.answers(self, Answer(name, values)):
            if answer.delay_seconds > 0:
                self.core.later(answer.delay_seconds, partial(self.put, answer))
            else:
                self.put(answer)

    def put(self, answer: Answer) -> None:
        """The message is among the bytes to be sent, whatever a fault would say to it."""
        if not self.closed:
            self._out += frame(answers.ALL[answer.name].write(answer.values, self.version))

    def error(self, request_id: int, code: int, text: str) -> None:
        """One message of the error channel."""
        self.say("error", reqId=request_id, code=code, text=text)

    # Start

    def _negotiate(self, body: bytes) -> None:
        found = _RANGE.fullmatch(body)
        if found is None:
            raise FrameError("a hello without a range of versions")
        self.version = served_version(int(found[1]), int(found[2]), self._version_max)
        self._out += encode([self.version, f"{self.core.exchange.now:%Y%m%d %H:%M:%S} UTC"])

    def _layout(self, word: str) -> Layout | None:
        number = int(word) if word.isascii() and word.isdigit() and len(word) < 5 else -1
        return requests.BY_NUMBER.get(number)

    def _take(self, layout: Layout | None, fields: list[str]) -> None:
        if self.client_id < 0 and (layout is None or layout.name != "startApi"):
            raise FrameError("a request before startApi")
        if layout is None:
            raise BadRequest(f"message {fields[0][:20]!r} is unknown")
        self.core.tally.requests += 1
        self.core.catch_up()
        if self.closed:
            return  # the gateway was restarted just now
        values = layout.read(fields[1:], self.version)
        if self.client_id < 0:
            self._attempt(layout, fields, partial(self._start, values["clientId"]))
            return
        if self._pace.exceeded():
            self._too_fast()
            return
        request = Request(self, layout.name, values)
        if self.core.faults.active and self.core.faults.swallows(request):
            return
        self._attempt(layout, fields, partial(self._handle, request))

    def handle(self, request: Request) -> None:
        """A request that was swallowed has its effect and its answers after all."""
        try:
            self._handle(request)
        except (BadRequest, ArithmeticError) as error:
            values = request.values
            number = values.get("reqId", values.get("orderId", NO_REQUEST))
            self.error(number, BAD_REQUEST, f"{UNREADABLE}: {error}")

    def _handle(self, request: Request) -> None:
        handler = self._handlers.get(request.name)
        if handler is None:
            number = request.values.get("reqId", NO_REQUEST)
            self.error(number, NOT_SERVED, f"{request.name} is not served here")
            return
        handler(request.values)
        if self.core.faults.active:
            self.core.faults.handled(request)

    def _too_fast(self) -> None:
        self.error(NO_REQUEST, TOO_FAST, "Max rate of messages per second has been exceeded.")
        self.closed = self.core.rules.disconnect_after_100

    def _start(self, client_id: int) -> None:
        if client_id < 0 or self.core.is_taken(client_id):
            text = "Unable to connect as the client id is already in use."
            self.client_id = -2  # known and unwelcome: an error may still be said
            self.error(NO_REQUEST, CLIENT_ID_IN_USE, text)
            self.closed = True
            return
        self.client_id = client_id
        self.core.clients[client_id] = self
        self.say("managedAccounts", accounts=self.core.exchange.account_id)
        self.say("nextValidId", orderId=self.core.exchange.next_id(client_id))
        for code, text in NOTICES:
            self.error(NO_REQUEST, code, text)
        if self.core.faults.active:
            self.core.faults.started(self)

    def leave(self) -> None:
        """The connection is gone; its orders stay."""
        if self.core.clients.get(self.client_id) is self:
            del self.core.clients[self.client_id]
            self.core.faults.left(self)
        self.closed = True

    # Events

    def hear(self, event: Event) -> None:
        """Says what an event means to this client, in the order real gateways do."""
        match event:
            case OrderChanged(order):
                orders.say_order(self, order)
            case Filled(order, fill):
                orders.say_fill(self, order, fill)
            case Corrected(fill):
                orders.say_execution(self, fill, NO_REQUEST)
                orders.say_commission(self, fill)
            case Refused(_, order_id, code, text, _):
                self.error(order_id, code, text)
            case AccountMoved(con_ids):
                self.accounts.moved(con_ids)

    def tick(self) -> None:
        """Streams say what has changed."""
        self.accounts.tick()
        self.quotes.tick()
        self.history.tick()

    @property
    def streams(self) -> bool:
        """Whether the client waits for something that time alone brings."""
        return self.accounts.streams or self.quotes.streams or self.history.streams


def _request_id(layout: Layout | None, fields: list[str], version: int) -> int:
    """The id that a request which cannot be read names; -1 where it names none."""
    names = []
    for part in layout.parts if layout is not None else ():
        if not isinstance(part, Part):
            break
        if part.since <= version < part.before:
            names.append(part.name)
    for name, word in zip(names, fields[1:], strict=False):
        if name in _IDS:
            return int(word) if word.isascii() and word.isdigit() and len(word) < 10 else NO_REQUEST
    return NO_REQUEST
