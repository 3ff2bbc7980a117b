"""Requests of the market scanner: one batch at once, and one every 30 seconds until cancelled."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from sim.gateway.nouns import Listing, Top
from sim.gateway.requests.asker import Asker
from sim.gateway.requests.contracts import EXCHANGES
from sim.gateway.wire.layout import Values

NO_DATA, VALIDATION = 162, 321
SCAN_ROWS_MAX, SCANS_MAX = 50, 10  # tws-api market_scanners.html
BATCH_SECONDS = 30
LOCATIONS = {  # location code -> (instrument, market)
    "STK.US": ("STK", "US"),
    "STK.US.MAJOR": ("STK", "US"),
    "STK.HK.SEHK": ("STOCK.HK", "HK"),
    "STK.HK": ("STOCK.HK", "HK"),
}
SERVICE = "Historical Market Data Service error message:"
XML = "<ScanParameterResponse><ScanTypeList>{}</ScanTypeList></ScanParameterResponse>"
XML_ROW = "<ScanType><scanCode>{}</scanCode></ScanType>"
LOWEST = Decimal("-1E9")


def _change(top: Top, since: Decimal | None) -> Decimal:
    """The last price against an earlier one, in percent."""
    return LOWEST if top.last is None or not since else (top.last / since - 1) * 100


def _gain(top: Top) -> Decimal:
    return _change(top, top.previous_close)


def _loss(top: Top) -> Decimal:
    return LOWEST if top.last is None or not top.previous_close else -_gain(top)


def _range(top: Top) -> Decimal:
    return LOWEST if top.high is None or not top.low else (top.high / top.low - 1) * 100


SCANS: dict[str, Callable[[Top], Decimal]] = {
    "TOP_PERC_GAIN": _gain,
    "TOP_PERC_LOSE": _loss,
    "TOP_OPEN_PERC_GAIN": lambda top: _change(top, top.open),
    "HOT_BY_PRICE": lambda top: LOWEST if _gain(top) == LOWEST else abs(_gain(top)),
    "HOT_BY_PRICE_RANGE": _range,
    "TOP_PRICE_RANGE": _range,
    "HOT_BY_VOLUME": lambda top: Decimal(top.volume),
    "MOST_ACTIVE": lambda top: Decimal(top.volume),
    "MOST_ACTIVE_USD": lambda top: (top.last or Decimal(0)) * top.volume,
}


class Scanner:
    """One client's scanner subscriptions."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._running: dict[int, object] = {}
        self.handlers: dict[str, Callable[[Values], None]] = {
            "reqScannerSubscription": self._subscribe,
            "cancelScannerSubscription": lambda values: self._cancel(values["reqId"]),
            "reqScannerParameters": lambda _: asker.say(
                "scannerParameters", xml=XML.format("".join(map(XML_ROW.format, sorted(SCANS))))
            ),
        }

    def _subscribe(self, values: Values) -> None:
        request_id = values["reqId"]
        instrument, market = LOCATIONS.get(values["locationCode"], ("", ""))
        if market not in self._asker.core.rules.scanner_markets:
            words = "Market Scanner is not configured for one of the chosen locations."
            self._asker.error(request_id, NO_DATA, SERVICE + words)
            return
        if values["scanCode"] not in SCANS or values["instrument"] != instrument:
            words = f"Invalid scan code or instrument:{values['scanCode']}"
            self._asker.error(request_id, NO_DATA, SERVICE + words)
            return
        if len(self._running) >= SCANS_MAX:
            words = f"Error validating request.-'only {SCANS_MAX} simultaneous scans are allowed'"
            self._asker.error(request_id, VALIDATION, words)
            return
        self._running[request_id] = token = object()
        self._batch(values, market, token)

    def _cancel(self, request_id: int) -> None:
        self._running.pop(request_id, None)

    def _batch(self, values: Values, market: str, token: object) -> None:
        request_id = values["reqId"]
        if self._asker.closed or self._running.get(request_id) is not token:
            return
        wanted = values["numberOfRows"]  # -1 where the client does not say
        rows = min(wanted, SCAN_ROWS_MAX) if wanted > 0 else SCAN_ROWS_MAX
        found = [
            {
                "rank": rank,
                "conId": listing.con_id,
                "symbol": listing.symbol,
                "exchange": EXCHANGES[market][0],
                "currency": listing.currency,
                "localSymbol": listing.symbol,
                "marketName": listing.symbol,
                "tradingClass": listing.symbol,
            }
            for rank, listing in enumerate(self._ranked(values, market)[:rows])
        ]
        self._asker.say("scannerData", reqId=request_id, found=found)
        self._asker.core.later(BATCH_SECONDS, lambda: self._batch(values, market, token))

    def _ranked(self, values: Values, market: str) -> list[Listing]:
        exchange = self._asker.core.exchange
        score = SCANS[values["scanCode"]]
        ranked = []
        for listing in self._asker.core.world.listings():
            if listing.market != market or listing.stock_type == "INDEX":
                continue
            top = exchange.top(listing.con_id)
            if _passes(values, top) and (points := score(top)) > LOWEST:
                ranked.append((-points, listing.symbol, listing))
        ranked.sort(key=lambda row: row[:2])
        return [listing for _, _, listing in ranked]


def _passes(values: Values, top: Top) -> bool:
    if top.last is None:
        return False
    above, below, volume = (values[key] for key in ("abovePrice", "belowPrice", "aboveVolume"))
    return (
        (above is None or top.last > above)
        and (below is None or top.last < below)
        and (volume is None or top.volume > volume)
    )
