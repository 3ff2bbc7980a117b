"""A gateway on a world whose session is open at this moment of real time; prints its port."""

import asyncio
import sys
from datetime import timedelta

from edges.clock import WallClock
from sim.gateway.exchange.path import ZONES
from sim.gateway.nouns import Session
from sim.gateway.server import Gateway
from tests.support.tiny import TinyWorld

BEGAN = WallClock().now()


class NowWorld(TinyWorld):
    """Open for the three hours around the start, on its own local day."""

    def sessions(self, market, day):
        opens = BEGAN.replace(second=0, microsecond=0) - timedelta(hours=1)
        hours = Session(opens, opens + timedelta(hours=3))
        return (hours,) if day == opens.astimezone(ZONES[market]).date() else ()


async def main():
    gateway = Gateway(NowWorld(), now=WallClock().now, account_id=sys.argv[1])
    await gateway.start()
    print(gateway.port, flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
