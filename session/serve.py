"""The simulated gateway served by itself, in real time or faster, for any client."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from edges.clock import WallClock
from session.ending import Exit, Stop
from session.settings import Settings
from session.world import SIM_CASH, Scene, load_world, pick_day
from sim.gateway.server import Gateway

ACCOUNT_ID = "DU1234567"


def serve(settings: Settings, scene: Scene, *, port: int, speed: float) -> None:
    """Serves until interrupted. Raises Stop for a port in use or unusable market data."""
    if not 0 < speed <= 10_000:
        raise Stop(Exit.CONFIGURATION, f"--speed must be above 0 and at most 10000, was {speed:g}")
    if not 0 <= port <= 65_535:
        raise Stop(Exit.CONFIGURATION, f"--port must be 0 to 65535, was {port}")
    world = load_world(scene)
    market, day, start = pick_day(world, settings, scene)

    async def main() -> None:
        wall = WallClock()
        began = wall.now()

        def now() -> datetime:
            return start + timedelta(seconds=(wall.now() - began).total_seconds() * speed)

        gateway = Gateway(
            world.on(day),
            now=now,
            account_id=ACCOUNT_ID,
            cash=SIM_CASH,
            seed=scene.seed,
            speed=speed,
        )
        try:
            await gateway.start(port)
        except OSError as error:
            raise Stop(
                Exit.RETRY_LATER,
                f"port {port} of 127.0.0.1 cannot be used ({error.strerror}): "
                "end the program that holds it or choose another with --port",
            ) from error
        print(  # noqa: T201 - says where it listens, for whoever started it
            f"simulated gateway on 127.0.0.1:{gateway.port}, account {ACCOUNT_ID}, "
            f"{world.label}, {market} {day} from {start:%H:%M} UTC, speed {speed:g}",
            flush=True,
        )
        try:
            await asyncio.Event().wait()
        finally:
            await gateway.close()

    asyncio.run(main())
