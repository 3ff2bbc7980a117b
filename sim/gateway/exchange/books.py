"""The simulated account: cash by currency, positions, margin, the day's P&L."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from sim.gateway.nouns import Held, Listing, World

INIT_MARGIN = Decimal("0.5")  # Regulation T
MAINTENANCE_MARGIN = Decimal("0.25")
LEVERAGE = 4  # BuyingPower over AvailableFunds in a margin account (unverified)


@dataclass(kw_only=True, slots=True)
class _Holding:
    shares: int = 0
    average_cost: Decimal = Decimal(0)  # a share, commission included, as the broker counts it
    realised: Decimal = Decimal(0)
    realised_today: Decimal = Decimal(0)


@dataclass(kw_only=True)
class Books:
    """One account's books. `mark` gives a listing's last price at an instant, or None."""

    world: World
    base: str
    cash: dict[str, Decimal]
    listings: Mapping[int, Listing]
    mark: Callable[[Listing, datetime], Decimal | None]
    holdings: dict[int, _Holding] = field(default_factory=dict)
    _day: date | None = None
    _day_equity: Decimal = Decimal(0)

    def begin_day(self, now: datetime) -> None:
        """The day's P&L is counted from the equity at the first look of each UTC day."""
        if self._day != now.date():
            self._day = now.date()
            self._day_equity = self.equity(now)
            for holding in self.holdings.values():
                holding.realised_today = Decimal(0)

    def apply(
        self, listing: Listing, action: str, shares: int, price: Decimal, cost: Decimal
    ) -> Decimal | None:
        """Books one execution; returns what it realised, or None for an opening one."""
        holding = self.holdings.setdefault(listing.con_id, _Holding())
        signed = {"BUY": shares, "SELL": -shares}[action]
        self.cash[listing.currency] = (
            self.cash.get(listing.currency, Decimal(0)) - signed * price - cost
        )
        realised = None
        before = holding.shares
        if before == 0 or (before > 0) == (signed > 0):
            paid = abs(before) * holding.average_cost + shares * price
            paid += cost if signed > 0 else -cost
            holding.average_cost = paid / (abs(before) + shares)
        else:
            closing = min(shares, abs(before))
            gain = (price - holding.average_cost) * closing
            realised = (gain if before > 0 else -gain) - cost
            holding.realised += realised
            holding.realised_today += realised
            if shares > closing:
                holding.average_cost = price
        holding.shares += signed
        if holding.shares == 0:
            holding.average_cost = Decimal(0)
        return realised

    def rate(self, currency: str, now: datetime) -> Decimal:
        """Base currency per unit of `currency`."""
        return self.world.usd_per_unit(currency, now) / self.world.usd_per_unit(self.base, now)

    def _marked(self, now: datetime) -> list[tuple[Listing, _Holding, Decimal]]:
        return [
            (listing, holding, self.mark(listing, now) or holding.average_cost)
            for con_id, holding in sorted(self.holdings.items())
            if holding.shares
            for listing in [self.listings[con_id]]
        ]

    def gross(self, now: datetime) -> Decimal:
        """The value of all positions, longs and shorts added, in base currency."""
        values = (
            abs(holding.shares) * price * self.rate(listing.currency, now)
            for listing, holding, price in self._marked(now)
        )
        return sum(values, Decimal(0))

    def equity(self, now: datetime) -> Decimal:
        """Net liquidation value in base currency."""
        cash = sum((amount * self.rate(c, now) for c, amount in self.cash.items()), Decimal(0))
        stock = sum(
            (
                holding.shares * price * self.rate(listing.currency, now)
                for listing, holding, price in self._marked(now)
            ),
            Decimal(0),
        )
        return cash + stock

    def available(self, now: datetime) -> Decimal:
        """Equity less initial margin, in base currency."""
        return self.equity(now) - self.gross(now) * INIT_MARGIN

    def unrealised(self, now: datetime) -> Decimal:
        """Open positions against their average cost, in base currency."""
        gains = (
            (price - holding.average_cost) * holding.shares * self.rate(listing.currency, now)
            for listing, holding, price in self._marked(now)
        )
        return sum(gains, Decimal(0))

    def realised_today(self, now: datetime) -> Decimal:
        """What the day's closing executions realised, in base currency."""
        gains = (
            holding.realised_today * self.rate(self.listings[con_id].currency, now)
            for con_id, holding in self.holdings.items()
        )
        return sum(gains, Decimal(0))

    def pnl(self, now: datetime) -> tuple[Decimal, Decimal, Decimal]:
        """(daily, unrealised, realised) in base currency."""
        return self.equity(now) - self._day_equity, self.unrealised(now), self.realised_today(now)

    def held(self, now: datetime) -> list[Held]:
        """Every position, and flat rows of those that realised something today."""
        rows = []
        for con_id, holding in sorted(self.holdings.items()):
            if not holding.shares and not holding.realised_today:
                continue
            price = self.mark(self.listings[con_id], now)
            open_gain = None if price is None else (price - holding.average_cost) * holding.shares
            rows.append(
                Held(
                    con_id=con_id,
                    shares=holding.shares,
                    average_cost=holding.average_cost,
                    market_price=price,
                    realised_pnl=holding.realised,
                    unrealised_pnl=open_gain,
                )
            )
        return rows

    def values(self, now: datetime) -> list[tuple[str, str, str]]:
        """(tag, value, currency) as the broker names them."""
        equity, gross = self.equity(now), self.gross(now)
        available = self.available(now)
        cash = sum((amount * self.rate(c, now) for c, amount in self.cash.items()), Decimal(0))
        totals = {
            "NetLiquidation": equity,
            "TotalCashValue": cash,
            "SettledCash": cash,
            "AvailableFunds": available,
            "ExcessLiquidity": equity - gross * MAINTENANCE_MARGIN,
            "BuyingPower": max(available, Decimal(0)) * LEVERAGE,
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
