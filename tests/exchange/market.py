"""What the tests of the exchange share: orders and events in few words, and a moving world."""

from datetime import timedelta
from decimal import Decimal as D

from sim.gateway.exchange import Exchange
from sim.gateway.nouns import (
    AccountMoved,
    Bar,
    Corrected,
    Filled,
    Order,
    OrderChanged,
    Refused,
    Session,
)
from tests.support.tiny import HK_OPEN, NOON, US_OPEN, TinyWorld

RICH = {"USD": D(1_000_000)}
HK_MORNING = HK_OPEN + timedelta(minutes=5)
LUNCH = HK_OPEN + timedelta(hours=2.5)  # 12:00 in Hong Kong
AFTERNOON = HK_OPEN + timedelta(hours=3.5)


class Moving(TinyWorld):
    """A tiny world in which both listings move, and are halted, as a test says.

    minutes, hk_minutes: {minutes since the open: (open, high, low, close, volume)}
    halted: {con id: [(begins, ends), ...]}
    """

    def __init__(self, minutes=None, hk_minutes=None, halted=None, **more):
        super().__init__(minutes, **more)
        self._hk_minutes = hk_minutes or {}
        self._halted = halted or {}

    def minutes(self, con_id, start, end):
        bars = super().minutes(con_id, start, end)
        if con_id != 2:
            return bars
        moved = {HK_OPEN + timedelta(minutes=n): row for n, row in self._hk_minutes.items()}
        return [Bar(bar.at, *moved[bar.at]) if bar.at in moved else bar for bar in bars]

    def halts(self, con_id, day):
        return [Session(*span) for span in self._halted.get(con_id, ())]


def exchange(minutes=None, start=NOON, world=None, **more):
    return Exchange(world or TinyWorld(minutes), start=start, **more)


def order(order_id=1, action="BUY", kind="LMT", quantity=100, **more):
    """An order of AAPL (con id 1); `limit` and `stop` are prices as text."""
    fields = {"client_id": 7, "con_id": 1, "limit_price": None, "stop_price": None, **more}
    for word in ("limit", "stop"):
        if word in fields:
            fields[f"{word}_price"] = D(fields.pop(word))
    return Order(order_id=order_id, action=action, order_type=kind, quantity=quantity, **fields)


def hk_order(order_id=1, action="BUY", kind="LMT", quantity=100, **more):
    return order(order_id, action, kind, quantity, con_id=2, **more)


def bracket(entry="200.05", target="204.00", stop="198.00", quantity=100, **exits):
    """Entry, target and stop, the stop last and transmitting; the exits GTC in one OCA group."""
    exits = {"tif": "GTC", "parent_id": 1, "oca_group": "g", "oca_type": 2, **exits}
    return [
        order(1, limit=entry, transmit=False, quantity=quantity),
        order(2, "SELL", limit=target, transmit=False, quantity=quantity, **exits),
        order(3, "SELL", "STP", stop=stop, quantity=quantity, **exits),
    ]


def placed(market, orders):
    return [event for one in orders for event in market.place(one)]


def words(events):
    """(order id, status, why held), (order id, "fill", shares) and (order id, "error", code)."""
    found = []
    for event in events:
        match event:
            case OrderChanged(one):
                found.append((one.order_id, one.status, one.why_held))
            case Filled(one, fill):
                found.append((one.order_id, "fill", fill.shares))
            case Corrected(fill):
                found.append((fill.order_id, "corrected", fill.shares))
            case Refused(_, order_id, code, _, _):
                found.append((order_id, "error", code))
            case AccountMoved():
                pass
    return found


def statuses(market):
    return [(one.order_id, one.status, one.why_held) for one in market.open_orders()]


def at_minute(n):
    return US_OPEN + timedelta(minutes=n)


def hk_minute(n):
    return HK_OPEN + timedelta(minutes=n)


def still(price, volume=10_000):
    """A minute at one price."""
    return (D(price), D(price), D(price), D(price), volume)


def live(market, order_id):
    [found] = [one for one in market.open_orders() if one.order_id == order_id]
    return found


def shares(market, con_id=1):
    holding = market.books.holdings.get(con_id)
    return holding.shares if holding is not None else 0
