"""Requests for historical bars: pacing, what may be asked, and bars that are kept up to date."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sim.gateway.bars import Bars
from sim.gateway.nouns import Listing
from sim.gateway.requests import contracts, past
from sim.gateway.requests.asker import Asker
from sim.gateway.requests.stamps import instant, stamp
from sim.gateway.wire.layout import Values
from sim.gateway.wire.words import BadRequest

NO_CONTRACT, NO_DATA, VALIDATION, NO_QUERY = 200, 162, 321, 366
SERVICE = "Historical Market Data Service error message:"
# tws-api historical_limitations.html: for bars of 30 seconds and less.
SAME_SECONDS, BURST_SECONDS, BURST_MAX, WINDOW_SECONDS, WINDOW_MAX = 15, 2, 6, 600, 60
SHOWN = ("TRADES", "MIDPOINT", "BID", "ASK")


@dataclass(frozen=True, kw_only=True, slots=True)
class Query:
    """One request for bars."""

    request_id: int
    listing: Listing
    size: str
    duration: str
    show: str
    epoch: bool

    @property
    def is_small(self) -> bool:
        """Whether the pacing rules of small bars apply."""
        return self.size.endswith(("sec", "secs"))


@dataclass(slots=True)
class Pacing:
    """The requests for small bars of the last ten minutes."""

    asked: deque[tuple[datetime, tuple[object, ...]]] = field(default_factory=deque)

    def is_violated_by(self, now: datetime, query: Query, end: str) -> bool:
        """Whether one more request breaks a rule; it is counted either way."""
        while self.asked and now - self.asked[0][0] > timedelta(seconds=WINDOW_SECONDS):
            self.asked.popleft()
        contract = (query.listing.con_id, query.show)
        key = (*contract, query.size, query.duration, end)

        def within(seconds: int, *, same: bool) -> int:
            begin = now - timedelta(seconds=seconds)
            return sum(
                at > begin and (asked == key if same else asked[:2] == contract)
                for at, asked in self.asked
            )

        broken = (
            within(SAME_SECONDS, same=True) > 0
            or within(BURST_SECONDS, same=False) >= BURST_MAX - 1
            or len(self.asked) >= WINDOW_MAX
        )
        self.asked.append((now, key))
        return broken


class History:
    """One client's historical bars."""

    def __init__(self, asker: Asker) -> None:
        self._asker = asker
        self._exchange = asker.core.exchange
        self._pacing = Pacing()
        self._kept: dict[int, tuple[Query, object]] = {}  # kept up to date; what was last said
        self.handlers: dict[str, Callable[[Values], None]] = {
            "reqHistoricalData": self._request,
            "cancelHistoricalData": self._cancel,
        }

    @property
    def streams(self) -> bool:
        """Whether bars are kept up to date."""
        return bool(self._kept)

    def forget(self) -> None:
        """Nothing is kept up to date any more, without a word."""
        self._kept.clear()

    def _request(self, values: Values) -> None:
        request_id = values["reqId"]
        found = contracts.find(self._exchange, values)
        if len(found) != 1:
            self._asker.error(request_id, NO_CONTRACT, contracts.NO_DEFINITION)
            return
        query = Query(
            request_id=request_id,
            listing=found[0],
            size=values["barSizeSetting"],
            duration=values["durationStr"],
            show=values["whatToShow"],
            epoch=values["formatDate"] == 2,
        )
        if self._refuses(query, values):
            return
        now = self._exchange.now
        end = values["endDateTime"]
        bars = self._bars(query, min(instant(end), now) if end else now)
        if not len(bars):
            words = f"HMDS query returned no data: {query.listing.symbol}@"
            words += f"{query.listing.primary_exchange} {query.show.title()}"
            self._asker.error(request_id, NO_DATA, SERVICE + words)
            return
        self._say(query, bars)
        if values["keepUpToDate"]:
            self._kept[request_id] = (query, _last(bars))

    def _refuses(self, query: Query, values: Values) -> bool:
        """Whether the request is refused, and the client told why."""
        asker, end = self._asker, values["endDateTime"]
        if query.show not in SHOWN:
            words = f"Error validating request.-'{query.show[:20]} is not served; {SHOWN} are'"
            asker.error(query.request_id, VALIDATION, words)
            return True
        if values["keepUpToDate"] and end:
            words = "Error validating request.-'keepUpToDate wants an empty end time'"
            asker.error(query.request_id, VALIDATION, words)
            return True
        too_many = len(self._kept) >= asker.core.rules.history_open_max
        if query.is_small and self._pacing.is_violated_by(self._exchange.now, query, end):
            too_many = True
        if too_many:
            words = "Historical data request pacing violation"
            asker.error(query.request_id, NO_DATA, SERVICE + words)
        return too_many

    def _bars(self, query: Query, end: datetime) -> Bars:
        rows = past.bars(
            self._asker.core.world,
            self._exchange.paths,
            query.listing,
            end=end,
            duration=query.duration,
            size=query.size,
            show=query.show,
            spread_ticks=self._asker.core.rules.spread_ticks,
        )
        faults = self._asker.core.faults
        return faults.bars(self._asker.client_id, query.listing, rows) if faults.active else rows

    def _say(self, query: Query, bars: Bars) -> None:
        zone, version = query.listing.time_zone, self._asker.version
        self._asker.say(
            "historicalData",
            reqId=query.request_id,
            start=stamp(bars[0].at, zone, version),
            end=stamp(bars[-1].at, zone, version),
            bars=past.packed(bars, self._style(query)),
        )

    def _style(self, query: Query) -> past.Style:
        version = self._asker.version
        return past.Style.of(query.listing, query.size, epoch=query.epoch, version=version)

    def _cancel(self, values: Values) -> None:
        if self._kept.pop(values["reqId"], None) is None:
            words = f"No historical data query found for ticker id:{values['reqId']}"
            self._asker.error(values["reqId"], NO_QUERY, words)

    def tick(self) -> None:
        """The last bar of what is kept up to date, where it has changed."""
        for request_id, (query, told) in self._kept.items():
            try:
                bars = self._bars(query, self._exchange.now)
            except BadRequest:
                continue  # the request was served once: the world has changed its mind
            if not len(bars) or _last(bars) == told:
                continue
            self._kept[request_id] = (query, _last(bars))
            last = bars[-1:]
            [date] = past.dates(last, self._style(query))
            bar = last[0]
            self._asker.say(
                "historicalDataUpdate",
                reqId=request_id,
                barCount=1,
                date=date,
                open=bar.open,
                close=bar.close,
                high=bar.high,
                low=bar.low,
                average=round((bar.high + bar.low + bar.close) / 3, 4),
                volume=bar.volume,
            )


def _last(bars: Bars) -> tuple[int, ...]:
    return tuple(
        int(column[-1])
        for column in (bars.starts, bars.opens, bars.highs, bars.lows, bars.closes, bars.volumes)
    )
