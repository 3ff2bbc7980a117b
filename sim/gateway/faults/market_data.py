"""Lies about prices, F31 to F35: quotes refused, old, false, and bars that are not there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np

from sim.gateway.bars import Bars
from sim.gateway.faults.fault import Fault, Request
from sim.gateway.nouns import Listing, Top

NO_DATA = 162
SERVICE = "Historical Market Data Service error message:"
ZERO, NO_PRICE, NOT_A_NUMBER = Decimal(0), Decimal(-1), Decimal("NaN")
CENTS = Decimal("0.0001")


class F31(Fault):
    """A request for market data gets an error in place of quotes."""

    name = "F31"
    scopes = ("symbol", "client")
    words = {
        354: "Requested market data is not subscribed.",
        10089: "Requested market data requires additional subscription for API.",
        10168: "Requested market data is not subscribed. Delayed market data is not enabled.",
        10197: "No market data during competing live session",
    }
    settings = {"code": tuple(words)}

    def swallows(self, request: Request) -> bool:
        session = request.session
        if request.name != "reqMktData" or not self.fires(
            symbol=self.symbol_asked(request), client=session.client_id
        ):
            return False
        code = self.setting("code")
        session.error(request.values["reqId"], code, self.words[code])
        return True


class F32(Fault):
    """Who asked for live quotes gets delayed ones, with no more than the notice 10167."""

    name = "F32"
    scopes = ("symbol", "client")

    def swallows(self, request: Request) -> bool:
        session = request.session
        if request.name == "reqMktData" and self.fires(
            symbol=self.symbol_asked(request), client=session.client_id
        ):
            session.quotes.delayed.add(request.values["reqId"])
        return False


def _all(top: Top, price: Decimal) -> Top:
    """The top with one price for everything that is quoted or traded now, and no sizes."""
    return top._replace(bid=price, ask=price, last=price, bid_size=0, ask_size=0, last_size=0)


class F33(Fault):
    """Quotes that are not the market's.

    kind: stale, they stand still; minus_one, zero or nan in place of prices; crossed, the bid above
    the ask; split, all prices divided by `ratio` from the strike on, earlier bars as they were.
    seconds: how long; 0 is for ever.
    """

    name = "F33"
    scopes = ("symbol", "client")
    settings = {
        "kind": ("stale", "minus_one", "zero", "nan", "crossed", "split"),
        "seconds": 0.0,
        "ratio": 10.0,
    }

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self._since: datetime | None = None
        self._stood: dict[int, Top] = {}  # what a stale quote stands at
        self._false: Mapping[str, Callable[[Top], Top]] = {
            "minus_one": lambda top: _all(top, NO_PRICE),
            "zero": lambda top: _all(top, ZERO),
            "nan": lambda top: _all(top, NOT_A_NUMBER),
            "crossed": lambda top: top._replace(bid=top.ask, ask=top.bid),
            "split": self._divided,
        }

    def _is_on(self, client: int, listing: Listing) -> bool:
        before = self.until
        is_on = self.lasts(symbol=listing.symbol, client=client)
        if self.until != before:
            self._since = self.stage.exchange.now
            self._stood.clear()
        return is_on

    def shows(self, client: int, listing: Listing, top: Top) -> Top:
        if not self._is_on(client, listing):
            return top
        if self.setting("kind") == "stale":
            return self._stood.setdefault(listing.con_id, top)
        return self._false[self.setting("kind")](top)

    def _divided(self, top: Top) -> Top:
        ratio = Decimal(str(self.setting("ratio")))

        def divided(price: Decimal | None) -> Decimal | None:
            return None if price is None else (price / ratio).quantize(CENTS)

        return top._replace(
            bid=divided(top.bid),
            ask=divided(top.ask),
            last=divided(top.last),
            open=divided(top.open),
            high=divided(top.high),
            low=divided(top.low),
            previous_close=divided(top.previous_close),
        )

    def bars(self, client: int, listing: Listing, rows: Bars) -> Bars:
        if self.setting("kind") != "split" or not self._is_on(client, listing):
            return rows
        since = 0.0 if self._since is None else self._since.timestamp()
        ratio = np.where(rows.starts >= since, self.setting("ratio"), 1)
        return Bars(
            rows.starts,
            np.rint(rows.opens / ratio),
            np.rint(rows.highs / ratio),
            np.rint(rows.lows / ratio),
            np.rint(rows.closes / ratio),
            rows.volumes,
        )


class F34(Fault):
    """A request for bars gets an error or an answer without bars."""

    name = "F34"
    scopes = ("symbol", "client")
    settings = {"kind": ("no_data", "pacing", "empty")}
    words = {
        "no_data": "HMDS query returned no data",
        "pacing": "Historical data request pacing violation",
    }

    def swallows(self, request: Request) -> bool:
        session, kind = request.session, self.setting("kind")
        if request.name != "reqHistoricalData" or not self.fires(
            symbol=self.symbol_asked(request), client=session.client_id
        ):
            return False
        if kind == "empty":
            session.say("historicalData", reqId=request.values["reqId"])
        else:
            session.error(request.values["reqId"], NO_DATA, f"{SERVICE}{self.words[kind]}")
        return True


class F35(Fault):
    """A request for bars is never answered."""

    name = "F35"
    scopes = ("symbol", "client")

    def swallows(self, request: Request) -> bool:
        return request.name == "reqHistoricalData" and self.fires(
            symbol=self.symbol_asked(request), client=request.session.client_id
        )
