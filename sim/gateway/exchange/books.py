"""The simulated account: cash by currency, positions, margin, the day's P&L."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

from sim.gateway.exchange.holding import Entry, Holding
from sim.gateway.exchange.path import ZONES, local_date
from sim.gateway.nouns import Held, Listing, World

INIT_MARGIN = Decimal("0.5")  # Regulation T
MAINTENANCE_MARGIN = Decimal("0.25")
NOTHING = Decimal(0)
LEVERAGE = 4  # BuyingPower over AvailableFunds in a margin account (unverified)


@dataclass(kw_only=True)
class Books:
    """One account's books. `mark` gives a listing's last price at an instant, or None."""

    world: World
    base: str
    cash: dict[str, Decimal]
    listings: Mapping[int, Listing]
    mark: Callable[[Listing, datetime], Decimal | None]
    holdings: dict[int, Holding] = field(default_factory=dict)
    _marks: dict[int, tuple[datetime, Decimal | None]] = field(default_factory=dict)
    _day: date | None = None
    _day_equity: Decimal = NOTHING
    _now: datetime = datetime(1970, 1, 1, tzinfo=UTC)

    def begin_day(self, now: datetime) -> None:
        """The account's P&L is counted from its equity at the first look of each UTC day."""
        self._now = now
        if self._day != now.date():
            self._day = now.date()
            self._day_equity = self.equity(now)

    def apply(
        self,
        listing: Listing,
        action: str,
        shares: int,
        price: Decimal,
        cost: Decimal,
        *,
        at: datetime | None = None,
        reference: str = "",
    ) -> Decimal | None:
        """Books one execution; returns what it realised, or None for an opening one.

        at: when, or the last instant the books know of. reference: by what it can be amended.
        """
        at = self._now if at is None else at
        holding = self.holdings.setdefault(listing.con_id, Holding())
        entry = Entry(
            signed={"BUY": shares, "SELL": -shares}[action],
            price=price,
            cost=cost,
            at=at,
            day=local_date(listing, at),
            reference=reference,
        )
        self._pay(listing.currency, entry.paid)
        return holding.add(entry)

    def amend(
        self,
        listing: Listing,
        reference: str,
        shares: int,
        price: Decimal,
        cost: Decimal,
    ) -> dict[str, Decimal | None]:
        """One execution was another one; returns what each of the listing's realised after all."""
        before = self.holdings[listing.con_id]
        after = Holding()
        gains: dict[str, Decimal | None] = {}
        for entry in before.entries:
            now = entry
            if entry.reference == reference:
                signed = shares if entry.signed > 0 else -shares
                now = replace(entry, signed=signed, price=price, cost=cost)
                self._pay(listing.currency, now.paid - entry.paid)
            gains[entry.reference] = after.add(now)
        self.holdings[listing.con_id] = after
        return gains

    def _pay(self, currency: str, amount: Decimal) -> None:
        self.cash[currency] = self.cash.get(currency, NOTHING) - amount

    def rate(self, currency: str, now: datetime) -> Decimal:
        """Base currency per unit of `currency`."""
        return self.world.usd_per_unit(currency, now) / self.world.usd_per_unit(self.base, now)

    def _marked(self, now: datetime) -> list[tuple[Listing, Holding, Decimal]]:
        return [
            (listing, holding, self._price(listing, holding, now))
            for con_id, holding in sorted(self.holdings.items())
            if holding.shares
            for listing in [self.listings[con_id]]
        ]

    def _in_base(self, amounts: Iterable[tuple[str, Decimal]], now: datetime) -> Decimal:
        """The sum of amounts of several currencies."""
        sums: dict[str, Decimal] = {}
        for currency, amount in amounts:
            sums[currency] = sums.get(currency, NOTHING) + amount
        return sum((total * self.rate(name, now) for name, total in sums.items()), NOTHING)

    def total_cash(self, now: datetime) -> Decimal:
        """Cash of all currencies, in base currency."""
        return self._in_base(self.cash.items(), now)

    def _values(self, now: datetime) -> list[tuple[str, Decimal]]:
        """(currency, value) of each position; a short one's is below 0."""
        return [(one.currency, held.shares * price) for one, held, price in self._marked(now)]

    def gross(self, now: datetime) -> Decimal:
        """The value of all positions, longs and shorts added, in base currency."""
        return self._in_base([(name, abs(value)) for name, value in self._values(now)], now)

    def equity(self, now: datetime) -> Decimal:
        """Net liquidation value in base currency."""
        return self.total_cash(now) + self._in_base(self._values(now), now)

    def available(self, now: datetime) -> Decimal:
        """Equity less initial margin, in base currency."""
        free = [(name, value - abs(value) * INIT_MARGIN) for name, value in self._values(now)]
        return self.total_cash(now) + self._in_base(free, now)

    def unrealised(self, now: datetime) -> Decimal:
        """Open positions against their average cost, in base currency."""
        gains = (
            (one.currency, (price - held.average_cost) * held.shares)
            for one, held, price in self._marked(now)
        )
        return self._in_base(gains, now)

    def realised_today(self, now: datetime) -> Decimal:
        """What each listing's day of closing executions realised, in base currency."""
        gains = (
            (self.listings[con_id].currency, self.realised_on_day(con_id, now))
            for con_id in self.holdings
        )
        return self._in_base(gains, now)

    def realised_on_day(self, con_id: int, now: datetime) -> Decimal:
        """What a listing's executions of its local day realised, in its currency."""
        day = local_date(self.listings[con_id], now)
        return self.holdings[con_id].realised.get(day, NOTHING)

    def daily(self, con_id: int, now: datetime) -> Decimal:
        """What a listing has gained since its local day began, in its currency."""
        listing, holding = self.listings[con_id], self.holdings[con_id]
        day = local_date(listing, now)
        midnight = datetime.combine(day, time(), ZONES[listing.market]).astimezone(UTC)
        paid = sum((one.paid for one in holding.entries if one.day == day), NOTHING)
        began = sum(one.signed for one in holding.entries if one.day < day)
        return (
            holding.shares * self._price(listing, holding, now)
            - began * self._price(listing, holding, midnight)
            - paid
        )

    def _price(self, listing: Listing, holding: Holding, at: datetime) -> Decimal:
        price = self._mark(listing, at)
        return holding.average_cost if price is None else price

    def _mark(self, listing: Listing, at: datetime) -> Decimal | None:
        """The last price, looked up once an instant."""
        when, price = self._marks.get(listing.con_id, (None, None))
        if when != at:
            price = self.mark(listing, at)
            self._marks[listing.con_id] = (at, price)
        return price

    def pnl(self, now: datetime) -> tuple[Decimal, Decimal, Decimal]:
        """(daily, unrealised, realised) in base currency."""
        return self.equity(now) - self._day_equity, self.unrealised(now), self.realised_today(now)

    def held(self, now: datetime) -> list[Held]:
        """Every position, and flat rows of those that realised something today."""
        rows = []
        for con_id, holding in sorted(self.holdings.items()):
            realised = self.realised_on_day(con_id, now)
            if not holding.shares and not realised:
                continue
            price = self._mark(self.listings[con_id], now)
            open_gain = None if price is None else (price - holding.average_cost) * holding.shares
            rows.append(
                Held(
                    con_id=con_id,
                    shares=holding.shares,
                    average_cost=holding.average_cost,
                    market_price=price,
                    realised_pnl=realised,
                    unrealised_pnl=open_gain,
                )
            )
        return rows

    def values(self, now: datetime) -> list[tuple[str, str, str]]:
        """(tag, value, currency) as the broker names them."""
        equity, gross = self.equity(now), self.gross(now)
        available = self.available(now)
        cash = self.total_cash(now)
        totals = {
            "NetLiquidation": equity,
            "TotalCashValue": cash,
            "SettledCash": cash,
            "AvailableFunds": available,
            "ExcessLiquidity": equity - gross * MAINTENANCE_MARGIN,
            "BuyingPower": max(available, NOTHING) * LEVERAGE,
            "GrossPositionValue": gross,
            "InitMarginReq": gross * INIT_MARGIN,
            "MaintMarginReq": gross * MAINTENANCE_MARGIN,
            "EquityWithLoanValue": equity,
        }
        rows = [(tag, f"{amount:.2f}", self.base) for tag, amount in totals.items()]
        unrealised, realised = self.unrealised(now), self.realised_today(now)
        for currency, amount in sorted(self.cash.items()):
            rows.append(("CashBalance", f"{amount:.4f}", currency))
            rows.append(("ExchangeRate", f"{self.rate(currency, now):.7f}", currency))
        for listing in {one.currency: one for one in self.listings.values()}.values():
            if listing.currency not in self.cash:
                rate = self.rate(listing.currency, now)
                rows.append(("ExchangeRate", f"{rate:.7f}", listing.currency))
        rows.append(("CashBalance", f"{cash:.4f}", "BASE"))
        rows.append(("UnrealizedPnL", f"{unrealised:.2f}", "BASE"))
        rows.append(("RealizedPnL", f"{realised:.2f}", "BASE"))
        return rows
