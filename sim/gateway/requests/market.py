"""Requests about the market: contracts, quotes, history, scanner, news."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sim.gateway import contract_messages
from sim.gateway.core import Core
from sim.gateway.nouns import Listing, Top
from sim.gateway.order_reading import read_contract
from sim.gateway.requests import history
from sim.gateway.requests.accounts import Sender
from sim.gateway.wire.frames import Field
from sim.gateway.wire.reader import BadRequest, Reader

NO_CONTRACT, NO_DATA, NO_TICKER = 200, 162, 300
REALTIME = 1
SCAN_ROWS_MAX = 50  # tws-api market_scanners.html
LOCATIONS = {"STK.US": "US", "STK.US.MAJOR": "US", "STK.HK.SEHK": "HK", "STK.HK": "HK"}
SCANNER_XML = "<ScanParameterResponse><ScanTypeList>{}</ScanTypeList></ScanParameterResponse>"
PROVIDERS = {"SYNTH": "Synthetic headlines", "FOLDER": "Headlines of the market folder"}
HEADLINES_MAX = 300
YEAR_MIN = 1980


def _gain(top: Top) -> Decimal:
    if top.last is None or not top.previous_close:
        return Decimal(-100)
    return (top.last / top.previous_close - 1) * 100


def _turnover(top: Top) -> Decimal:
    return (top.last or Decimal(0)) * top.volume


SCANS: dict[str, Callable[[Top], Decimal]] = {
    "TOP_PERC_GAIN": _gain,
    "TOP_PERC_LOSE": lambda top: -_gain(top),
    "MOST_ACTIVE": lambda top: Decimal(top.volume),
    "MOST_ACTIVE_USD": _turnover,
    "HOT_BY_VOLUME": lambda top: Decimal(top.volume),
}


class MarketRequests:
    """One client's market requests and quote streams."""

    def __init__(self, core: Core, session: Sender) -> None:
        self._core = core
        self._session = session
        self._streams: dict[int, tuple[Listing, Top | None]] = {}
        self.handlers: dict[int, Callable[[Reader], None]] = {
            1: self._market_data,
            2: self._cancel_market_data,
            9: self._details,
            20: self._history,
            22: self._scan,
            23: lambda _: None,
            24: lambda _: session.send(19, 1, SCANNER_XML.format("".join(sorted(SCANS)))),
            25: lambda _: None,
            59: lambda _: None,
            81: self._matching,
            84: self._article,
            85: lambda _: session.send(
                85, len(PROVIDERS), *(word for pair in PROVIDERS.items() for word in pair)
            ),
            86: self._news,
            91: self._rule,
        }

    @property
    def streams(self) -> bool:
        """Whether a quote stream runs."""
        return bool(self._streams)

    def tick(self) -> None:
        """Quote streams tell what has changed."""
        for request_id, (listing, told) in self._streams.items():
            top = self._core.exchange.top(listing.con_id)
            if top != told:
                self._streams[request_id] = (listing, top)
                self._quote(request_id, top)

    def _one(self, fields: Reader, request_id: int) -> Listing | None:
        """The one listing the request's contract means; else the client is told, and None."""
        found = contract_messages.find(self._core.world, read_contract(fields))
        if len(found) == 1:
            return found[0]
        text = "No security definition has been found for the request"
        self._session.error(request_id, NO_CONTRACT, text)
        return None

    def _details(self, fields: Reader) -> None:
        fields.skip(1)
        request_id = fields.integer()
        wanted = read_contract(fields)
        found = contract_messages.find(self._core.world, wanted)
        if not found:
            text = "No security definition has been found for the request"
            self._session.error(request_id, NO_CONTRACT, text)
            return
        for listing in found:
            self._session.send(
                *contract_messages.details(
                    listing,
                    self._core.world,
                    self._core.exchange.now,
                    self._session.version,
                    request_id,
                    wanted.exchange,
                )
            )
        self._session.send(52, 1, request_id)

    def _rule(self, fields: Reader) -> None:
        rule_id = fields.integer()
        message = contract_messages.market_rule(rule_id, self._core.world)
        if message is None:
            self._session.error(-1, 321, f"Market rule {rule_id} is unknown")
            return
        self._session.send(*message)

    # Quotes

    def _market_data(self, fields: Reader) -> None:
        fields.skip(1)
        request_id = fields.integer()
        listing = self._one(fields, request_id)
        if fields.boolean():  # delta neutral contract
            fields.skip(3)
        fields.skip(1)
        snapshot = fields.boolean()
        if listing is None:
            return
        top = self._core.exchange.top(listing.con_id)
        tick = self._core.exchange.paths.tick(listing, top.last or Decimal(1))
        self._session.send(58, 1, request_id, REALTIME)
        self._session.send(81, request_id, tick, "9c0001", 3)
        self._quote(request_id, top)
        if snapshot:
            self._session.send(57, 1, request_id)
        else:
            self._streams[request_id] = (listing, top)

    def _cancel_market_data(self, fields: Reader) -> None:
        fields.skip(1)
        request_id = fields.integer()
        if self._streams.pop(request_id, None) is None:
            text = f"Can't find EId with tickerId:{request_id}"
            self._session.error(request_id, NO_TICKER, text)

    def _quote(self, request_id: int, top: Top) -> None:
        def tick(kind: int, price: Decimal | None, size: int) -> None:
            shown: Field = -1 if price is None else price
            self._session.send(1, 6, request_id, kind, shown, 0 if price is None else size, 0)

        tick(1, top.bid, top.bid_size)
        tick(2, top.ask, top.ask_size)
        if top.last is not None and top.volume:
            tick(4, top.last, top.last_size)
            self._session.send(46, 6, request_id, 45, int(top.at.timestamp()))
        for kind, price in ((14, top.open), (6, top.high), (7, top.low), (9, top.previous_close)):
            if price is not None:
                tick(kind, price, 0)
        self._session.send(2, 6, request_id, 8, top.volume)

    # History

    def _history(self, fields: Reader) -> None:
        request_id = fields.integer()
        listing = self._one(fields, request_id)
        fields.skip(1)
        end_text, size, duration = fields.text(), fields.text(), fields.text()
        fields.skip(2)  # useRTH: only regular hours exist here; whatToShow
        epoch = fields.integer() == 2
        if listing is None:
            return
        found = history.bars(
            self._core.world,
            self._core.exchange.paths,
            listing,
            end=self._end(end_text),
            duration=duration,
            size=size,
        )
        if not found:
            text = (
                "Historical Market Data Service error message:HMDS query returned no data: "
                f"{listing.symbol}@{listing.primary_exchange} Trades"
            )
            self._session.error(request_id, NO_DATA, text)
            return
        self._session.send(
            *history.message(
                request_id,
                listing,
                found,
                daily=size == "1 day",
                epoch=epoch,
                version=self._session.version,
            )
        )

    def _end(self, text: str) -> datetime:
        """The end of a history request, never after the present; empty is now. UTC unless named."""
        now = self._core.exchange.now
        if not text:
            return now
        words = text.split() if " " in text else text.replace("-", " ").split()
        try:
            zone = ZoneInfo(words[2]) if len(words) > 2 else UTC
            at = datetime.strptime(f"{words[0]} {words[1]}", "%Y%m%d %H:%M:%S").replace(tzinfo=zone)
        except (ValueError, IndexError, ZoneInfoNotFoundError) as error:
            raise BadRequest(f"an end time is expected, was {text[:40]!r}") from error
        if at.year < YEAR_MIN:
            raise BadRequest(f"an end after {YEAR_MIN} is expected, was {text[:40]!r}")
        return min(at.astimezone(UTC), now)

    # Scanner, search, news

    def _scan(self, fields: Reader) -> None:
        request_id, rows = fields.integer(), fields.integer()
        fields.skip(1)
        location, code = fields.text(), fields.text()
        above = fields.decimal()
        fields.skip(1)
        volume = fields.decimal()
        market, score = LOCATIONS.get(location), SCANS.get(code)
        if market is None or score is None:
            text = "Market Scanner is not configured for one of the chosen locations."
            self._session.error(
                request_id, NO_DATA, f"Historical Market Data Service error message:{text}"
            )
            return
        ranked = []
        for listing in self._core.world.listings():
            if listing.market != market or listing.stock_type == "INDEX":
                continue
            top = self._core.exchange.top(listing.con_id)
            enough = volume is None or top.volume > volume
            if enough and top.last is not None and (above is None or top.last > above):
                ranked.append((-score(top), listing.symbol, listing))
        ranked.sort()
        count = min(len(ranked), rows if rows > 0 else SCAN_ROWS_MAX, SCAN_ROWS_MAX)
        message: list[Field] = [20, 3, request_id, count]
        for rank, (_, symbol, listing) in enumerate(ranked[:count]):
            exchange = contract_messages.EXCHANGES[market][0]
            message += [rank, listing.con_id, symbol, "STK", "", 0, "", exchange]
            message += [listing.currency, symbol, symbol, symbol, "", "", "", ""]
        self._session.send(*message)

    def _matching(self, fields: Reader) -> None:
        request_id, pattern = fields.integer(), fields.text().upper()
        found = [
            one
            for one in self._core.world.listings()
            if pattern and (one.symbol.startswith(pattern) or pattern in one.name.upper())
        ][:16]
        message: list[Field] = [79, request_id, len(found)]
        for one in found:
            message += [one.con_id, one.symbol, "STK", one.primary_exchange, one.currency, 0]
            if self._session.version >= 176:
                message += [one.name, ""]
        self._session.send(*message)

    def _news(self, fields: Reader) -> None:
        request_id, con_id = fields.integer(), fields.integer()
        providers = fields.text().split("+")
        fields.skip(2)
        wanted = min(max(fields.integer(), 0), HEADLINES_MAX)
        now = self._core.exchange.now
        lines = []
        if con_id in self._core.exchange.by_con_id:
            lines = [
                line
                for line in self._core.world.headlines(con_id, now - timedelta(days=7), now)
                if line.provider in providers
            ]
        for line in list(reversed(lines))[:wanted]:
            self._session.send(
                86,
                request_id,
                f"{line.at:%Y-%m-%d %H:%M:%S}.0",
                line.provider,
                line.article_id,
                line.text,
            )
        self._session.send(87, request_id, len(lines) > wanted)

    def _article(self, fields: Reader) -> None:
        request_id, _provider, article_id = fields.integer(), fields.text(), fields.text()
        now = self._core.exchange.now
        for listing in self._core.world.listings():
            for line in self._core.world.headlines(listing.con_id, now - timedelta(days=7), now):
                if line.article_id == article_id:
                    self._session.send(83, request_id, 0, line.text)
                    return
        self._session.error(request_id, 10172, "Failed to request news article:no such article")
