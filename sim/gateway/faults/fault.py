"""What a fault is: a gateway that tells the truth, but for the one thing it lies about.

A fault overrides some of the hooks below (and of `Truth`, which the exchange asks). Each hook is an
opportunity: the fault asks `fires` whether its plan strikes here and now, and only then lies.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from sim.gateway.exchange.truth import Truth
from sim.gateway.faults.schedule import Plan
from sim.gateway.nouns import Event, Listing, Order, Top

if TYPE_CHECKING:
    from sim.gateway.bars import Bars
    from sim.gateway.exchange.exchange import Exchange
    from sim.gateway.requests.history import History
    from sim.gateway.requests.quotes import Quotes


@dataclass(frozen=True, slots=True)
class Answer:
    """One message on its way to a client; a delay is in simulated seconds."""

    name: str
    values: Mapping[str, Any]
    delay_seconds: float = 0.0

    def but(self, **changes: Any) -> Answer:
        """The same message with some values changed."""
        return replace(self, values={**self.values, **changes})

    def late(self, seconds: float) -> Answer:
        """The same message, said later."""
        return replace(self, delay_seconds=self.delay_seconds + seconds)


@dataclass(frozen=True, slots=True)
class Request:
    """One message of a client, read."""

    session: Speaker
    name: str
    values: Mapping[str, Any]


class Speaker(Protocol):
    """A client's session, as far as a fault needs it."""

    client_id: int
    version: int
    closed: bool
    quotes: Quotes
    history: History

    def say(self, name: str, **values: Any) -> None:
        """One message, past the faults again."""

    def put(self, answer: Answer) -> None:
        """One message as it is."""

    def error(self, request_id: int, code: int, text: str) -> None:
        """One message of the error channel."""

    def handle(self, request: Request) -> None:
        """A request that was swallowed is handled after all."""


class Stage(Protocol):
    """The gateway, as far as faults play with it."""

    exchange: Exchange

    @property
    def clients(self) -> Mapping[int, Any]:
        """Connected sessions by client id."""

    @property
    def messages(self) -> int:
        """Requests read so far."""

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """`act` happens after so many simulated seconds."""

    def tell(self, events: Iterable[Event]) -> None:
        """Clients hear of events."""

    def reset(self, session: Any) -> None:
        """The client's connection is reset (TCP RST), whatever is under way is lost."""

    def freeze(self, seconds: float) -> None:
        """Nothing is read from any connection and nothing written, for so long; 0: for ever."""

    def restart(self, seconds: float) -> None:
        """Every connection is closed, and nothing listens for so long."""

    def keep_id(self, client_id: int) -> None:
        """A client of that id is believed to be connected."""

    def free_id(self, client_id: int) -> None:
        """No longer."""


def leg_of(order: Order) -> str:
    """What the order is for: entry, target or stop."""
    if order.order_type.startswith("STP"):
        return "stop"
    return "target" if order.parent_id else "entry"


@dataclass(slots=True)
class Struck:
    """What has struck so far, each as a line that makes it strike again."""

    lines: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    told: Callable[[str], None] | None = None  # hears of each at once

    def note(self, fault: str, line: str) -> None:
        """One more strike."""
        self.lines.append(line)
        self.counts[fault] = self.counts.get(fault, 0) + 1
        if self.told is not None:
            self.told(line)


class Fault(Truth):
    """The base of all faults: it lies about nothing."""

    name: ClassVar[str]
    settings: ClassVar[Mapping[str, Any]] = {}  # defaults; a tuple: one of its words, the first
    scopes: ClassVar[tuple[str, ...]] = ("client",)  # what its opportunities can be narrowed by
    # Whether a strike is about the one order, so that its line names it: the legs of a family come
    # at one instant, and a draw that struck the second would strike the first when played again.
    narrows: ClassVar[bool] = False

    def __init__(self, plan: Plan, stage: Stage, struck: Struck, seed: str) -> None:
        self.plan = plan
        self.stage = stage
        self.struck = struck
        self.left = plan.times or -1
        self.not_before = plan.at
        if plan.after_seconds is not None:
            after = stage.exchange.now + timedelta(seconds=plan.after_seconds)
            self.not_before = max(after, plan.at or after)
        self.until: datetime | None = None  # of a strike that lasts
        self._random = random.Random(seed)

    def setting(self, key: str) -> Any:
        """The plan's value of one of the fault's settings, or the default."""
        default = self.settings[key]
        return self.plan.settings.get(key, default[0] if isinstance(default, tuple) else default)

    def symbol_of(self, order: Order) -> str:
        """The symbol of an order's contract."""
        return self.stage.exchange.by_con_id[order.con_id].symbol

    def symbol_asked(self, request: Request) -> str:
        """The symbol of the contract that a request names by id or by symbol."""
        listing = self.stage.exchange.by_con_id.get(request.values["conId"])
        return str(request.values["symbol"]) if listing is None else listing.symbol

    def fires(
        self, order: Order | None = None, *, symbol: str | None = None, client: int | None = None
    ) -> bool:
        """Whether the plan strikes at this opportunity; it is noted and counted if so.

        order, symbol, client: what the opportunity is about, held against the plan's scope.
        """
        plan = self.plan
        misses = (
            self.left == 0
            or (plan.message is not None and self.stage.messages < plan.message)
            or (self.not_before is not None and self.stage.exchange.now < self.not_before)
            or not self.covers(order, symbol=symbol, client=client)
        )
        if misses or (plan.probability < 1 and self._random.random() >= plan.probability):
            return False
        self.left -= 1
        self.struck.note(plan.fault, self._line(order))
        return True

    def _line(self, order: Order | None) -> str:
        """The line of a schedule that strikes here and now."""
        scope: dict[str, Any] = {}
        if self.narrows and order is not None:
            scope = {
                "leg": leg_of(order),
                "symbol": self.symbol_of(order),
                "client": order.client_id,
                "order": order.order_id,
            }
        return self.plan.line(
            message=max(1, self.stage.messages),
            at=self.stage.exchange.now.isoformat(),
            after_seconds=None,
            probability=None,
            times=None,
            **scope,
        )

    def lasts(
        self, order: Order | None = None, *, symbol: str | None = None, client: int | None = None
    ) -> bool:
        """Whether a strike is on, or begins here; it lasts `seconds`, 0 is for ever."""
        if self.is_on:
            return self.covers(order, symbol=symbol, client=client)
        if not self.fires(order, symbol=symbol, client=client):
            return False
        seconds = self.setting("seconds")
        self.until = self.stage.exchange.now + (
            timedelta(seconds=seconds) if seconds else timedelta(days=36_500)
        )
        return True

    @property
    def is_on(self) -> bool:
        """Whether a strike that lasts is on."""
        return self.until is not None and self.stage.exchange.now < self.until

    def covers(
        self, order: Order | None = None, *, symbol: str | None = None, client: int | None = None
    ) -> bool:
        """Whether the plan's scope holds what the opportunity is about."""
        if order is not None:
            symbol, client = self.symbol_of(order), order.client_id
        plan = self.plan
        return (
            (plan.leg is None or (order is not None and leg_of(order) == plan.leg))
            and (plan.symbol is None or symbol == plan.symbol)
            and (plan.client is None or client == plan.client)
            and (plan.order is None or (order is not None and order.order_id == plan.order))
        )

    # Hooks. Every one is called for every fault, in the order of the schedule.

    def swallows(self, request: Request) -> bool:
        """A request was read: whether it goes no further."""
        return False

    def handled(self, request: Request) -> None:
        """A request was handled."""

    def answers(self, session: Speaker, answer: Answer) -> Iterable[Answer]:
        """What is sent in place of an answer."""
        return (answer,)

    def started(self, session: Speaker) -> None:
        """A client has introduced itself and was greeted."""

    def left_by(self, session: Speaker) -> None:
        """A client's connection is gone."""

    def tick(self, now: datetime) -> None:
        """Time has passed, or a message has come."""

    def shows(self, client: int, listing: Listing, top: Top) -> Top:
        """The top of the book that a client is shown."""
        return top

    def bars(self, client: int, listing: Listing, rows: Bars) -> Bars:
        """The bars that a client is told; at least one where there was one."""
        return rows

    def chunks(self, session: Speaker, data: bytes) -> list[bytes]:
        """The pieces in which bytes go out; none where they are kept back.

        Asked whenever bytes may go out, and then with none as well.
        """
        return [data]
