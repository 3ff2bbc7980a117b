"""Requests for quotes: snapshots and streams, live, frozen or delayed, and who may see which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sim.gateway.nouns import Listing, Top
from sim.gateway.requests import contracts
from sim.gateway.requests.asker import Asker
from sim.gateway.wire.layout import Values

NO_CONTRACT, NO_TICKER = 200, 300
NOT_SUBSCRIBED, DELAYED_SHOWN, DELAYED_NOT_ENABLED = 354, 10167, 10168
LIVE, FROZEN, DELAYED, DELAYED_FROZEN = 1, 2, 3, 4
ROUND_LOT = 100
# What is told -> tick type, live and delayed. Source: tws-api tick_types.html.
BID, ASK, LAST = (1, 66), (2, 67), (4, 68)
HIGH, LOW, CLOSE, OPEN = (6, 72), (7, 73), (9, 75), (14, 76)
VOLUME, LAST_TIMESTAMP, HALTED = (8, 74), (45, 88), 49
NO_PRICE = -1


@dataclass(slots=True)
class _Stream:
    """A quote that is kept up to date, and what was last said of it."""

    listing: Listing
    kind: int
    told: Top | None = None
    halted: bool = False


class Quotes:
    """One client's market data."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._exchange = asker.core.exchange
        self._wanted = LIVE  # the client's market data type
        self._streams: dict[int, _Stream] = {}
        self.delayed: set[int] = set()  # requests that get delayed data whatever they asked for
        self.handlers: dict[str, Callable[[Values], None]] = {
            "reqMktData": self._request,
            "cancelMktData": self._cancel,
            "reqMarketDataType": self._type,
        }

    @property
    def streams(self) -> bool:
        """Whether a quote stream runs."""
        return bool(self._streams)

    def forget(self) -> None:
        """Every stream is gone, without a word."""
        self._streams.clear()

    def tell_anew(self) -> None:
        """Every stream says everything once more, as after a gap in the data."""
        for stream in self._streams.values():
            stream.told = None

    def tick(self) -> None:
        """Quote streams tell what has changed."""
        for request_id, stream in self._streams.items():
            self._tell(request_id, stream)

    def _type(self, values: Values) -> None:
        if values["marketDataType"] in (LIVE, FROZEN, DELAYED, DELAYED_FROZEN):
            self._wanted = values["marketDataType"]

    def _request(self, values: Values) -> None:
        request_id = values["reqId"]
        found = contracts.find(self._exchange, values)
        if len(found) != 1:
            self._asker.error(request_id, NO_CONTRACT, contracts.NO_DEFINITION)
            return
        kind = self._kind(request_id, found[0])
        if kind is None:
            return
        stream = _Stream(found[0], kind)
        last = self._top(stream).last
        tick = self._exchange.paths.tick(found[0], last or Decimal(1))
        self._asker.say("marketDataType", reqId=request_id, marketDataType=kind)
        self._asker.say("tickReqParams", reqId=request_id, minTick=tick, bboExchange="9c0001")
        self._tell(request_id, stream)
        if values["snapshot"]:
            self._asker.say("tickSnapshotEnd", reqId=request_id)
        else:
            self._streams[request_id] = stream

    def _kind(self, request_id: int, listing: Listing) -> int | None:
        """The type of data this client gets of the listing; else it is told why, and None."""
        rules = self._asker.core.rules
        if listing.market in rules.realtime and request_id not in self.delayed:
            closed = not self._exchange.paths.is_open(listing, self._exchange.now)
            frozen = closed and self._wanted in (FROZEN, DELAYED_FROZEN)
            return FROZEN if frozen else LIVE
        words = "Requested market data is not subscribed."
        if self._wanted not in (DELAYED, DELAYED_FROZEN) and request_id not in self.delayed:
            self._asker.error(request_id, NOT_SUBSCRIBED, words)
            return None
        if not rules.delayed:
            words += "Delayed market data is not enabled."
            self._asker.error(request_id, DELAYED_NOT_ENABLED, words)
            return None
        words += "Displaying delayed market data."
        self._asker.error(request_id, DELAYED_SHOWN, words)
        return DELAYED

    def _cancel(self, values: Values) -> None:
        request_id = values["reqId"]
        if self._streams.pop(request_id, None) is None:
            text = f"Can't find EId with tickerId:{request_id}"
            self._asker.error(request_id, NO_TICKER, text)

    def _top(self, stream: _Stream) -> Top:
        """The top that the stream shows: of now, of the delay ago, or of the last close."""
        now, paths = self._exchange.now, self._exchange.paths
        if stream.kind == DELAYED:
            delay = timedelta(minutes=self._asker.core.rules.delay_minutes)
            return paths.top(stream.listing, now - delay)
        if stream.kind == FROZEN:
            close = paths.last_close(stream.listing, now)
            if close is not None and close <= now:
                return paths.top(stream.listing, close - timedelta(microseconds=1))
        return paths.top(stream.listing, now)

    def _tell(self, request_id: int, stream: _Stream) -> None:
        top, told = self._top(stream), stream.told
        if self._asker.core.faults.active:
            top = self._asker.core.faults.shows(self._asker.client_id, stream.listing, top)
        stream.told = top
        if top != told:
            self._prices(request_id, stream, top, told)
        halted = self._exchange.paths.is_halted(stream.listing, self._exchange.now)
        if halted != stream.halted:
            stream.halted = halted
            self._asker.say("tickGeneric", reqId=request_id, tickType=HALTED, value=int(halted))

    def _prices(self, request_id: int, stream: _Stream, top: Top, told: Top | None) -> None:
        """Whatever is new against what was told; everything where nothing was."""
        column = 1 if stream.kind == DELAYED else 0

        def price(kind: tuple[int, int], shown: Decimal | None, size: int) -> None:
            self._asker.say(
                "tickPrice",
                reqId=request_id,
                tickType=kind[column],
                price=NO_PRICE if shown is None else shown,
                size=0 if shown is None else self._size(stream.listing, size),
            )

        if told is None or (top.bid, top.bid_size) != (told.bid, told.bid_size):
            price(BID, top.bid, top.bid_size)
        if told is None or (top.ask, top.ask_size) != (told.ask, told.ask_size):
            price(ASK, top.ask, top.ask_size)
        if top.last is not None and top.volume and (told is None or top.at != told.at):
            price(LAST, top.last, top.last_size)
            when = str(int(top.at.timestamp()))
            self._asker.say(
                "tickString", reqId=request_id, tickType=LAST_TIMESTAMP[column], value=when
            )
        of_day = (
            (OPEN, top.open, told and told.open),
            (HIGH, top.high, told and told.high),
            (LOW, top.low, told and told.low),
            (CLOSE, top.previous_close, told and told.previous_close),
        )
        for kind, now, before in of_day:
            if now is not None and now != before:
                price(kind, now, 0)
        if told is None or top.volume != told.volume:
            volume = self._size(stream.listing, top.volume)
            self._asker.say("tickSize", reqId=request_id, tickType=VOLUME[column], size=volume)

    def _size(self, listing: Listing, shares: int) -> int:
        in_lots = listing.market == "US" and self._asker.core.rules.us_sizes_in_lots
        return shares // ROUND_LOT if in_lots else shares
