"""A tiny world for the gateway: one US and one HK stock with minutes that tests write down."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal as D

from sim.gateway.nouns import Bar, Listing, Session

DAY = date(2026, 11, 20)
US_OPEN = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)
US_CLOSE = datetime(2026, 11, 20, 21, 0, tzinfo=UTC)
HK_OPEN = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
NOON = US_OPEN + timedelta(minutes=30)
AAPL = Listing(
    con_id=1,
    symbol="AAPL",
    market="US",
    name="Apple",
    currency="USD",
    primary_exchange="NASDAQ",
    stock_type="COMMON",
    industry="Technology",
    category="Computers",
    lot=1,
    time_zone="US/Eastern",
    market_rule_id=26,
)
TENCENT = Listing(
    con_id=2,
    symbol="700",
    market="HK",
    name="Tencent",
    currency="HKD",
    primary_exchange="SEHK",
    stock_type="COMMON",
    industry="Technology",
    category="Internet",
    lot=100,
    time_zone="Hongkong",
    market_rule_id=100,
)
RULES = {
    26: ((D(0), D("0.0001")), (D(1), D("0.01"))),
    100: (  # HKEX Part A from 2026-08-03 on
        *((D(0), D("0.001")), (D("0.25"), D("0.005")), (D(10), D("0.01")), (D(20), D("0.02"))),
        *((D(50), D("0.05")), (D(100), D("0.1")), (D(200), D("0.2")), (D(500), D("0.5"))),
        *((D(1000), D(1)), (D(2000), D(2)), (D(5000), D(5))),
    ),
}


def flat(price, volume=10_000):
    """A minute in which nothing moves."""
    return (D(price), D(price), D(price), D(price), volume)


class TinyWorld:
    """AAPL flat at 200 and 700 flat at 380, unless a test gives AAPL's minutes by offset."""

    label = "tiny"

    def __init__(self, minutes=None, volume=10_000):
        self._minutes = minutes or {}
        self._volume = volume

    def listings(self):
        return [AAPL, TENCENT]

    def market_rule(self, rule_id):
        return RULES.get(rule_id)

    def sessions(self, market, day):
        if day.weekday() > 4:
            return ()
        shift = day - DAY
        if market == "US":
            return (Session(US_OPEN + shift, US_CLOSE + shift),)
        morning = Session(HK_OPEN + shift, HK_OPEN + shift + timedelta(hours=2.5))
        noon = HK_OPEN + shift + timedelta(hours=3.5)
        return (morning, Session(noon, noon + timedelta(hours=3)))

    def minutes(self, con_id, start, end):
        price = "200.00" if con_id == 1 else "380.0"
        bars, at = [], start
        while at < end:
            offset = int((at - US_OPEN).total_seconds() // 60)
            row = self._minutes.get(offset, flat(price, self._volume))
            if con_id == 2:
                row = flat(price, self._volume)
            if row is not None:
                bars.append(Bar(at, *row))
            at += timedelta(minutes=1)
        return bars

    def days(self, con_id, before, count):
        price = D(196) if con_id == 1 else D(376)
        return [
            Bar(
                datetime(2026, 11, 1, tzinfo=UTC) + timedelta(days=n),
                price,
                price + 2,
                price - 2,
                price,
                5_000_000,
            )
            for n in range(min(count, 18))
        ]

    def halts(self, con_id, day):
        return ()

    def headlines(self, con_id, start, end):
        return []

    def usd_per_unit(self, currency, at):
        return {"USD": D(1), "HKD": D("0.128")}[currency]
