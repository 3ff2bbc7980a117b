"""The simulated exchange and order desk: order life, families, matching. No socket, no clock.

Orders are keyed by (client id, order id); permIds are account-wide. What happened is returned as
events in the order in which a client must hear it. Sequences follow captures of real gateways.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from sim.gateway.exchange.books import INIT_MARGIN, Books
from sim.gateway.exchange.fees import order_cost
from sim.gateway.exchange.matching import fill_price, is_marketable, triggers
from sim.gateway.exchange.path import POINT_SECONDS, ZONES, Paths, Point
from sim.gateway.exchange.truth import Truth
from sim.gateway.nouns import (
    AccountMoved,
    Event,
    Fill,
    Filled,
    Held,
    Listing,
    Order,
    OrderChanged,
    Refused,
    Top,
    World,
)
from sim.gateway.rules import Rules

Key = tuple[int, int]
DUPLICATE_ID, REJECTED, CANCELLED, HELD, UNKNOWN_ID, NOT_CANCELLABLE = (
    103,
    201,
    202,
    399,
    10147,
    10148,
)
WRONG_TICK, WRONG_SIZE, UNKNOWN_CONTRACT = 110, 321, 200
FIRST_PERM_ID = 1_000_000_001


class Exchange:
    """One account trading on the listings of a world."""

    def __init__(
        self,
        world: World,
        *,
        start: datetime,
        account_id: str = "DU0000001",
        base_currency: str = "USD",
        cash: Mapping[str, Decimal] | None = None,
        seed: int = 0,
        rules: Rules | None = None,
        truth: Truth | None = None,
    ) -> None:
        self.rules = rules or Rules()
        self.truth = truth or Truth()
        self.account_id = account_id
        self.now = start
        self.by_con_id = {listing.con_id: listing for listing in world.listings()}
        self.by_symbol = {(one.symbol, one.market): one for one in world.listings()}
        self.paths = Paths(world, seed=seed, spread_ticks=self.rules.spread_ticks)
        self.books = Books(
            world=world,
            base=base_currency,
            cash=dict(cash or {"USD": Decimal(100_000)}),
            listings=self.by_con_id,
            mark=lambda listing, at: self.paths.top(listing, at).last,
        )
        self.books.begin_day(start)
        self._held: dict[Key, Order] = {}  # not yet transmitted, silent
        self._live: dict[Key, Order] = {}
        self._done: list[Order] = []
        self._fills: list[Fill] = []
        self._values: dict[Key, Decimal] = {}  # filled value of each order, for its fees
        self._charged: dict[Key, Decimal] = {}
        self._triggered: set[Key] = set()
        self._taken: dict[tuple[int, datetime], int] = {}  # shares taken at a point
        self._last_id: dict[int, int] = {}
        self._next_perm_id = FIRST_PERM_ID
        # execIds are unique over all accounts: another run has another account.
        self._exec_prefix = hashlib.blake2b(account_id.encode(), digest_size=4).hexdigest()

    # Reading

    def top(self, con_id: int) -> Top:
        """The top of a listing's book now."""
        return self.paths.top(self.by_con_id[con_id], self.now)

    def open_orders(self) -> list[Order]:
        """Transmitted orders that are not finished, by permId."""
        return sorted(self._live.values(), key=lambda order: order.perm_id)

    def completed_orders(self) -> list[Order]:
        """Finished orders, in the order in which they ended."""
        return list(self._done)

    def fills(self, since: datetime | None = None) -> list[Fill]:
        """Executions, oldest first."""
        return [fill for fill in self._fills if since is None or fill.at >= since]

    def held(self) -> list[Held]:
        """Positions, and flat rows of those closed today."""
        return self.books.held(self.now)

    def account_values(self) -> list[tuple[str, str, str]]:
        """(tag, value, currency) rows."""
        return self.books.values(self.now)

    def pnl(self) -> tuple[Decimal, Decimal, Decimal]:
        """(daily, unrealised, realised) in base currency."""
        return self.books.pnl(self.now)

    def pnl_single(self, con_id: int) -> tuple[int, Decimal, Decimal, Decimal, Decimal] | None:
        """(position, daily, unrealised, realised, value) of one listing; None if never held."""
        for row in self.held():
            if row.con_id == con_id:
                open_gain = row.unrealised_pnl or Decimal(0)
                value = row.shares * (row.market_price or row.average_cost)
                return row.shares, open_gain + row.realised_pnl, open_gain, row.realised_pnl, value
        return None

    def next_id(self, client_id: int) -> int:
        """The lowest order id the client may use."""
        return self._last_id.get(client_id, 0) + 1

    # Time

    def next_wake(self) -> datetime | None:
        """The next instant at which something can happen to a live order; None if none lives."""
        wakes = []
        for con_id in sorted({order.con_id for order in self._live.values()}):
            listing = self.by_con_id[con_id]
            if self.paths.is_open(listing, self.now):
                step = self.now.timestamp() // POINT_SECONDS + 1
                wakes.append(datetime.fromtimestamp(step * POINT_SECONDS, self.now.tzinfo))
                continue
            close = self.paths.last_close(listing, self.now)
            opens = self.paths.next_open(listing, self.now)
            wakes.extend(at for at in (close, opens) if at is not None and at > self.now)
        return min(wakes, default=None)

    def advance(self, to: datetime) -> list[Event]:
        """What happened in (now, to]; now is `to` afterwards. Going back is no move."""
        events: list[Event] = []
        if to <= self.now:
            return events
        steps = self._steps(to)
        for at, con_id, point in steps:
            self.now = max(self.now, at)
            if point is None:
                events.extend(self._expire(con_id))
            else:
                events.extend(self._match(con_id, point))
        self.now = to
        self.books.begin_day(to)
        return events

    def _steps(self, to: datetime) -> list[tuple[datetime, int, Point | None]]:
        """Points and closes in (now, to] of the listings with live orders, in order of time."""
        steps: list[tuple[datetime, int, Point | None]] = []
        for con_id in sorted({order.con_id for order in self._live.values()}):
            listing = self.by_con_id[con_id]
            steps.extend((p.at, con_id, p) for p in self.paths.points(listing, self.now, to))
            day = self.now
            while day.date() <= to.date() + timedelta(days=1):
                close = self.paths.last_close(listing, day)
                if close is not None and self.now < close <= to:
                    steps.append((close, con_id, None))
                day += timedelta(days=1)
        return sorted(set(steps), key=lambda step: (step[0], step[2] is not None, step[1]))

    def _expire(self, con_id: int) -> list[Event]:
        events: list[Event] = []
        for order in self.open_orders():
            if order.con_id == con_id and order.tif == "DAY" and self._is_live(order):
                events.extend(self._end(order, "Cancelled", "Expired at the close", notice=True))
        return events

    # Orders in

    def place(self, order: Order) -> list[Event]:
        """A new order, or new terms for a live or held one of the same key."""
        key = (order.client_id, order.order_id)
        known = self._live.get(key) or self._held.get(key)
        if known is not None:
            return self._modify(known, order)
        if order.order_id <= self._last_id.get(order.client_id, 0):
            return [self._refused(order, DUPLICATE_ID, "Duplicate order id")]
        self._last_id[order.client_id] = order.order_id
        refusal = self._invalid(order)
        order.perm_id, self._next_perm_id = self._next_perm_id, self._next_perm_id + 1
        order.placed_at = self.now
        order.account = order.account or self.account_id
        if refusal is not None:
            return self._reject(order, *refusal)
        self._held[key] = order
        if not order.transmit:
            return []
        return self._transmit(order)

    def _family(self, order: Order) -> list[Order]:
        """The held orders that go out with `order`: its parent and siblings, parent first."""
        root = order.parent_id or order.order_id
        return [
            one
            for (client_id, _), one in sorted(self._held.items())
            if client_id == order.client_id and (one.order_id == root or one.parent_id == root)
        ]

    def _transmit(self, order: Order) -> list[Event]:
        events: list[Event] = []
        for one in self._family(order):
            key = (one.client_id, one.order_id)
            del self._held[key]
            refusal = self._unaffordable(one)
            parent_gone = one.parent_id and (one.client_id, one.parent_id) not in self._live
            if refusal is None and parent_gone and not self._parent_filled(one):
                refusal = (REJECTED, "Order rejected - reason:parent order is not working")
            if refusal is not None:
                events.extend(self._reject(one, *refusal))
                continue
            self._live[key] = one
            self._set_status(one)
            events.append(OrderChanged(replace(one)))
            if not self.paths.is_open(self.by_con_id[one.con_id], self.now) and not one.parent_id:
                text = "Order held: your order will not be placed at the exchange until it opens"
                events.append(self._refused(one, HELD, text))
        for one in list(self._live.values()):
            if one.con_id == order.con_id:
                events.extend(self._match_on_arrival(one))
        return events

    def _modify(self, known: Order, order: Order) -> list[Event]:
        refusal = self._invalid(order)
        if refusal is None and order.quantity <= known.filled:
            refusal = (REJECTED, "Order rejected - reason:quantity is not above what has filled")
        if refusal is None:
            changed = replace(order, filled=known.filled, perm_id=known.perm_id)
            refusal = self._unaffordable(changed)
        if refusal is not None:
            return [Refused(known.client_id, known.order_id, *refusal, known)]
        known.quantity = order.quantity
        known.limit_price, known.stop_price = order.limit_price, order.stop_price
        known.tif, known.order_type = order.tif, order.order_type
        known.order_ref = order.order_ref or known.order_ref
        key = (known.client_id, known.order_id)
        if key in self._held:
            return self._transmit(known) if order.transmit else []
        self._set_status(known)
        return [OrderChanged(known), *self._match_on_arrival(known)]

    def _invalid(self, order: Order) -> tuple[int, str] | None:
        listing = self.by_con_id.get(order.con_id)
        if listing is None:
            return UNKNOWN_CONTRACT, "No security definition has been found for the request"
        if order.action not in ("BUY", "SELL") or order.quantity <= 0:
            return WRONG_SIZE, "Error validating request: action or quantity"
        wanted = {
            "LMT": (order.limit_price,),
            "STP": (order.stop_price,),
            "STP LMT": (order.limit_price, order.stop_price),
            "MKT": (),
        }.get(order.order_type)
        if wanted is None or any(price is None for price in wanted):
            return (
                WRONG_SIZE,
                f"Error validating request: order type {order.order_type} or its price",
            )
        if order.quantity > listing.lot and order.quantity % listing.lot:
            return WRONG_SIZE, "Order size does not conform to market rule"
        for price in wanted:
            if price is None or price <= 0 or price % self.paths.tick(listing, price):
                return WRONG_TICK, "The price does not conform to the minimum price variation"
        return None

    def _unaffordable(self, order: Order) -> tuple[int, str] | None:
        """Why the part of an order that enlarges a position cannot be taken.

        Exits of a family are bounded by their parent's fills; the rest of an order that only
        reduces what is held, working exits counted, is never refused here.
        """
        if order.parent_id:
            return None
        listing = self.by_con_id[order.con_id]
        opening = self._opening_shares(order)
        if opening <= 0:
            return None
        if order.action == "SELL" and (listing.market == "HK" or not self.rules.us_short_sales):
            return REJECTED, "Order rejected - reason:short sale is not allowed for this contract"
        needed = self._margin(order, opening)
        if needed is None:
            return REJECTED, "Order rejected - reason:no market data for the contract"
        reserved = sum(
            (
                self._margin(one, self._opening_shares(one)) or Decimal(0)
                for one in self._live.values()
                if not one.parent_id and one.perm_id != order.perm_id
            ),
            Decimal(0),
        )
        available = self.books.available(self.now) - reserved
        if needed > available:
            text = f"Order rejected - reason:available funds {available:.2f} are insufficient"
            return REJECTED, text
        return None

    def _opening_shares(self, order: Order) -> int:
        """How many of the order's remaining shares would open or enlarge a position."""
        holding = self.books.holdings.get(order.con_id)
        held = holding.shares if holding else 0
        reducible = max(0, held if order.action == "SELL" else -held)
        leaving = sum(
            one.remaining
            for one in self._live.values()
            if one.con_id == order.con_id
            and one.action == order.action
            and not one.parent_id
            and not one.oca_group
            and one.perm_id < (order.perm_id or self._next_perm_id)
        )
        return order.remaining - max(0, reducible - leaving)

    def _margin(self, order: Order, shares: int) -> Decimal | None:
        """Initial margin of so many shares at the order's price, or None without any price."""
        price = order.limit_price or order.stop_price or self.top(order.con_id).last
        if price is None:
            return None
        rate = self.books.rate(self.by_con_id[order.con_id].currency, self.now)
        return max(shares, 0) * price * rate * INIT_MARGIN

    def _parent_filled(self, order: Order) -> bool:
        return any(
            done.client_id == order.client_id and done.order_id == order.parent_id and done.filled
            for done in self._done
        )

    def _reject(self, order: Order, code: int, text: str) -> list[Event]:
        order.status, order.reject_reason = "Inactive", text
        order.completed_at, order.completed_status = self.now, text
        self._done.append(order)
        return [self._refused(order, code, text), OrderChanged(replace(order))]

    def _refused(self, order: Order, code: int, text: str) -> Refused:
        return Refused(order.client_id, order.order_id, code, text, order)

    # Orders out

    def cancel(self, client_id: int, order_id: int) -> list[Event]:
        """Cancels one order of that client."""
        key = (client_id, order_id)
        if key in self._held:
            del self._held[key]
            return []
        order = self._live.get(key)
        if order is None:
            for done in self._done:
                if (done.client_id, done.order_id) == key:
                    text = f"OrderId {order_id} that needs to be cancelled cannot be cancelled"
                    return [Refused(client_id, order_id, NOT_CANCELLABLE, text, done)]
            text = f"OrderId {order_id} that needs to be cancelled is not found."
            return [Refused(client_id, order_id, UNKNOWN_ID, text, None)]
        return self._end(order, "Cancelled", "Cancelled by Trader", notice=True)

    def lose_held(self) -> None:
        """All untransmitted orders vanish, as at a restart."""
        self._held.clear()

    def cancel_all(self) -> list[Event]:
        """Cancels every open order of the account."""
        events: list[Event] = []
        self._held.clear()
        for order in self.open_orders():
            if self._is_live(order):
                events.extend(self._end(order, "Cancelled", "Cancelled by Trader", notice=True))
        return events

    def _is_live(self, order: Order) -> bool:
        return (order.client_id, order.order_id) in self._live

    def _end(self, order: Order, status: str, words: str, *, notice: bool) -> list[Event]:
        """The order is over; the exits of an entry that never filled go with it."""
        del self._live[(order.client_id, order.order_id)]
        order.status, order.why_held = status, ""
        order.completed_at, order.completed_status = self.now, words
        self._done.append(order)
        events: list[Event] = [OrderChanged(replace(order))]
        if notice:
            events.append(self._refused(order, CANCELLED, f"Order Canceled - reason:{words}"))
        if not order.parent_id and not order.filled:
            for child in self._children(order):
                if self._is_live(child):
                    events.extend(self._end(child, "Cancelled", words, notice=True))
        return events

    def _children(self, order: Order) -> list[Order]:
        return [
            one
            for one in self.open_orders()
            if one.client_id == order.client_id and one.parent_id == order.order_id
        ]

    # Matching

    def _set_status(self, order: Order) -> None:
        waits = [
            word
            for word, holds in (
                ("child", self._armed(order) == 0 and order.parent_id),
                ("trigger", self._waits_for_trigger(order)),
            )
            if holds
        ]
        is_open = self.paths.is_open(self.by_con_id[order.con_id], self.now)
        order.why_held = ",".join(waits)
        order.status = "PreSubmitted" if waits or not is_open else "Submitted"

    def _waits_for_trigger(self, order: Order) -> bool:
        key = (order.client_id, order.order_id)
        return order.order_type in ("STP", "STP LMT") and key not in self._triggered

    def _armed(self, order: Order) -> int:
        """How many shares of the order may fill now."""
        if not order.parent_id:
            return order.remaining
        key = (order.client_id, order.parent_id)
        parent = self._live.get(key) or next(
            (one for one in self._done if (one.client_id, one.order_id) == key), None
        )
        if parent is None or (self.rules.children_arm_on_full and parent.remaining):
            return 0
        left = parent.filled - sum(one.filled for one in self._siblings(order))
        return max(0, min(order.remaining, left))

    def _siblings(self, order: Order) -> list[Order]:
        """Every child of the same parent, `order` and finished ones included."""
        everything = [*self._live.values(), *self._done]
        return [
            one
            for one in everything
            if one.parent_id == order.parent_id and one.client_id == order.client_id
        ]

    def _match(self, con_id: int, point: Point) -> list[Event]:
        events: list[Event] = []
        for order in self.open_orders():
            if order.con_id == con_id and self._is_live(order):
                events.extend(self._try(order, point, arriving=False))
        return events

    def _match_on_arrival(self, order: Order) -> list[Event]:
        listing = self.by_con_id[order.con_id]
        point = self.paths.point_at(listing, self.now)
        if point is None or not self.paths.is_open(listing, self.now) or not self._is_live(order):
            return []
        return self._try(order, point, arriving=True)

    def _try(self, order: Order, point: Point, *, arriving: bool) -> list[Event]:
        armed = self._armed(order)
        if armed <= 0:
            return []
        listing, key = self.by_con_id[order.con_id], (order.client_id, order.order_id)
        ask = point.price + self.rules.spread_ticks * self.paths.tick(listing, point.price)
        events: list[Event] = []
        just_triggered = False
        if self._waits_for_trigger(order):
            if not triggers(order, point.price):
                if order.status == "PreSubmitted" and "child" in order.why_held:
                    self._set_status(order)
                    events.append(OrderChanged(replace(order)))
                return events
            self._triggered.add(key)
            just_triggered = True
        if not is_marketable(order, point.price, ask):
            if self._wakes(order):
                events.append(OrderChanged(replace(order)))
            return events
        shares = self._liquidity(listing, point, armed)
        if shares <= 0:
            return events
        price = fill_price(
            order,
            bid=point.price,
            ask=ask,
            arriving=arriving,
            gapped=point.opens or arriving or not just_triggered,
            slippage=self.rules.stop_slippage_ticks * self.paths.tick(listing, point.price),
        )
        return [*events, *self._fill(order, listing, shares, price)]

    def _wakes(self, order: Order) -> bool:
        before = (order.status, order.why_held)
        self._set_status(order)
        return before != (order.status, order.why_held)

    def _liquidity(self, listing: Listing, point: Point, wanted: int) -> int:
        """Whole lots an order may take at this point; at least one lot, once a point."""
        key = (listing.con_id, point.at)
        share = int(point.volume * self.rules.participation) // listing.lot * listing.lot
        left = max(share, listing.lot) - self._taken.get(key, 0)
        shares = min(wanted, max(0, left))
        self._taken[key] = self._taken.get(key, 0) + shares
        return shares

    def _fill(self, order: Order, listing: Listing, shares: int, price: Decimal) -> list[Event]:
        key = (order.client_id, order.order_id)
        before = order.filled
        order.average_fill_price = (order.average_fill_price * before + price * shares) / (
            before + shares
        )
        order.filled += shares
        order.last_fill_price = price
        self._values[key] = self._values.get(key, Decimal(0)) + shares * price
        day = self.now.astimezone(ZONES[listing.market]).date()
        total = order_cost(listing, order.action, order.filled, self._values[key], day)
        cost = total - self._charged.get(key, Decimal(0))
        self._charged[key] = total
        order.commission, order.commission_currency = total, listing.currency
        realised = self.books.apply(listing, order.action, shares, price, cost)
        fill = Fill(
            exec_id=f"{self._exec_prefix}.{len(self._fills) + 1:08x}.01.01",
            client_id=order.client_id,
            order_id=order.order_id,
            perm_id=order.perm_id,
            con_id=order.con_id,
            order_ref=order.order_ref,
            action=order.action,
            shares=shares,
            price=price,
            at=self.now,
            account=order.account,
            exchange=listing.primary_exchange,
            cumulative=order.filled,
            average_price=order.average_fill_price,
            commission=cost,
            currency=listing.currency,
            realised_pnl=realised,
        )
        self._fills.append(fill)
        self._set_status(order)
        if order.remaining == 0:
            order.status, order.why_held = "Filled", ""
            order.completed_at, order.completed_status = self.now, f"Filled Size: {order.filled}"
            del self._live[key]
            self._done.append(order)
        events: list[Event] = [Filled(replace(order), fill)]
        events.extend(self._after_fill(order, shares))
        events.append(AccountMoved((order.con_id,)))
        return events

    def _after_fill(self, order: Order, shares: int) -> Iterable[Event]:
        """Exits of an entry wake up; the others of an OCA group shrink or go."""
        if not order.parent_id:
            for child in self._children(order):
                if self._wakes(child):
                    yield OrderChanged(child)
        for other in self._group(order):
            if other.oca_type == 1 or other.quantity - shares <= other.filled:
                yield from self._end(other, "Cancelled", "Cancelled by OCA group", notice=True)
            else:
                other.quantity -= shares
                yield OrderChanged(other)

    def _group(self, order: Order) -> list[Order]:
        """The live orders that share the order's OCA group, or its parent where it has none."""
        if order.oca_group:
            return [
                one
                for one in self.open_orders()
                if one.oca_group == order.oca_group and one is not order
            ]
        if not order.parent_id:
            return []
        return [one for one in self._siblings(order) if self._is_live(one) and one is not order]

    def what_if(self, order: Order) -> Mapping[str, Decimal] | Refused:
        """Margin before and after the order, and its commission, in base currency."""
        refusal = self._invalid(order) or self._unaffordable(order)
        if refusal is not None:
            return Refused(order.client_id, order.order_id, *refusal, order)
        listing = self.by_con_id[order.con_id]
        price = order.limit_price or order.stop_price or self.top(order.con_id).last or Decimal(0)
        value = order.quantity * price
        rate = self.books.rate(listing.currency, self.now)
        day = self.now.astimezone(ZONES[listing.market]).date()
        gross = self.books.gross(self.now)
        equity = self.books.equity(self.now)
        return {
            "init_before": gross * INIT_MARGIN,
            "init_change": value * rate * INIT_MARGIN,
            "maintenance_before": gross * INIT_MARGIN / 2,
            "maintenance_change": value * rate * INIT_MARGIN / 2,
            "equity": equity,
            "commission": order_cost(listing, order.action, order.quantity, value, day),
        }
