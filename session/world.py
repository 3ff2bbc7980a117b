"""The broker's far end of a session: the embedded simulated gateway, or a real one at its port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path

from desk.day import ZONES
from edges.clock import Clock, WallClock
from edges.ibkr import Address, Broker
from guardrails.terms import Hours, Market
from session.ending import Exit, Stop
from session.settings import Settings
from sim.clock import VirtualClock, VirtualLoop
from sim.gateway.server import Gateway
from sim.market import MarketError, MarketWorld, open_market

PREFIXES = {"sim": "DU", "paper": "DU"}  # paper accounts of Interactive Brokers start with DU
SIM_START = {Market.US: time(10, 30), Market.HK: time(10, 30)}  # an hour after each open
SIM_CASH = {"USD": Decimal(100_000)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Scene:
    """Which simulated day, from when, on which bars."""

    market_path: Path | None = None
    day: date | None = None
    start: time | None = None
    seed: int = 0
    kind: str = "mixed"  # of synthetic days
    symbols: int = 0  # more synthetic names


@dataclass(frozen=True, kw_only=True, slots=True)
class FarEnd:
    """A broker to connect to, its clock, and what its data are called."""

    broker: Broker
    clock: Clock
    label: str
    account_prefix: str
    markets: tuple[Market, ...]  # enabled, and present behind the gateway
    gateway: Gateway | None = None
    currency: str = "USD"
    simulated_hours: Mapping[Market, tuple[Hours, ...]] = field(default_factory=dict)

    def no_waiting(self) -> AbstractContextManager[None]:
        """Around a wait that takes no real time."""
        return nullcontext()

    def waiting_for_outside(self) -> AbstractContextManager[None]:
        """Around a wait that takes real time: virtual time then runs with the wall clock."""
        loop = asyncio.get_running_loop()
        return loop.real_time() if isinstance(loop, VirtualLoop) else nullcontext()


def enabled(settings: Settings) -> tuple[Market, ...]:
    """The markets the configuration enables, in its order."""
    return tuple(Market(name) for name, one in settings.markets if one.enabled)


def pick_day(world: MarketWorld, settings: Settings, scene: Scene) -> tuple[Market, date, datetime]:
    """The market, the day and the instant a simulated session starts at.

    Raises Stop with one line if the data have no such day or no enabled market.
    """
    present = [market for market in (Market.US, Market.HK) if market.value in world.markets()]
    usable = [market for market in present if market in enabled(settings)]
    if not usable:
        raise Stop(
            Exit.CONFIGURATION,
            f"market data {world.label!r} hold {', '.join(present) or 'no market'}; "
            f"config.yaml enables {', '.join(enabled(settings)) or 'none'}: enable one of them",
        )
    for market in usable:
        days = world.trading_days(market.value)
        day = scene.day or (days[-1] if days else None)
        if day in days:
            local = datetime.combine(day, scene.start or SIM_START[market], ZONES[market])
            return market, day, local.astimezone(UTC)
    days = sorted({day for market in usable for day in world.trading_days(market.value)})
    has = f"{days[0]} to {days[-1]} ({len(days)} days)" if days else "no day"
    raise Stop(
        Exit.CONFIGURATION,
        f"market data {world.label!r} have no trading day {scene.day}; they hold {has}: "
        "choose one with --day",
    )


def load_world(scene: Scene) -> MarketWorld:
    """The market data of the scene. Raises Stop with one line if they cannot be used."""
    try:
        return open_market(
            scene.market_path, seed=scene.seed, kind=scene.kind, symbols=scene.symbols
        )
    except MarketError as error:
        raise Stop(Exit.CONFIGURATION, str(error)) from error


@asynccontextmanager
async def simulated(settings: Settings, scene: Scene, account_id: str) -> AsyncIterator[FarEnd]:
    """An embedded gateway over the scene's bars, in virtual time, and a broker pointed at it."""
    world = load_world(scene)
    market, day, start = pick_day(world, settings, scene)
    clock = VirtualClock(start, asyncio.get_running_loop())
    gateway = Gateway(
        world.on(day), now=clock.now, account_id=account_id, cash=SIM_CASH, seed=scene.seed
    )
    await gateway.start()
    broker = _broker(settings, "127.0.0.1", gateway.port, clock)
    try:
        yield FarEnd(
            broker=broker,
            clock=clock,
            label=f"{world.label}, {market} {day}",
            account_prefix=PREFIXES["sim"],
            markets=(market,),
            gateway=gateway,
            simulated_hours={market: tuple(Hours(*one) for one in world.sessions(market, day))},
        )
    finally:
        broker.close()
        await gateway.close()


@asynccontextmanager
async def real(settings: Settings) -> AsyncIterator[FarEnd]:
    """A broker that points at the configured gateway, on the wall clock."""
    clock = WallClock()
    broker = _broker(settings, settings.ibkr.host, settings.ibkr.paper_port, clock)
    try:
        yield FarEnd(
            broker=broker,
            clock=clock,
            label=f"{settings.broker}, real time",
            account_prefix=PREFIXES[settings.broker],
            markets=enabled(settings),
        )
    finally:
        broker.close()


def _broker(settings: Settings, host: str, port: int, clock: Clock) -> Broker:
    def address(client_id: int) -> Address:
        return Address(
            host=host,
            port=port,
            client_id=client_id,
            timeout_seconds=float(settings.ibkr.timeout_seconds),
        )

    return Broker(
        orders_at=address(settings.ibkr.client_id),
        data_at=address(settings.ibkr.data_client_id),
        clock=clock,
    )
