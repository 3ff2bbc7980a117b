"""Raw bytes to a gateway and back, and a gateway in virtual time."""

import asyncio
import gc
import struct
from contextlib import asynccontextmanager

from sim import clock
from sim.gateway.server import Gateway
from sim.gateway.wire.frames import FrameReader, encode, fields_of
from tests.support.tiny import NOON, TinyWorld

ANSWER_SECONDS = 5


def hello(text=b"v157..176"):
    """A client's first bytes."""
    return b"API\0" + struct.pack(">I", len(text)) + text


def start(client_id=1):
    """The startApi of a client."""
    return encode([71, 2, client_id, ""])


@asynccontextmanager
async def served(world=None, now=NOON, **more):
    """A listening gateway that must not fail inside; must run inside a virtual loop."""
    loop = asyncio.get_running_loop()
    failures = []
    loop.set_exception_handler(lambda _, context: failures.append(context))
    asyncio.set_event_loop(loop)  # ib_insync asks the policy for it
    gateway = Gateway(world or TinyWorld(), now=clock.VirtualClock(now, loop).now, **more)
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.close()
        await asyncio.sleep(0)
        gc.collect(1)  # a task's unheard exception is told when the task is
    assert gateway.tally.failed == 0
    # What a connection's task raises ends that connection and is told to nobody else.
    assert failures == [], [repr(one.get("exception")) for one in failures]


class Peer:
    """A client without a library: fields out, fields in."""

    def __init__(self, reader, writer):
        self.reader = reader
        self.writer = writer
        self._frames = FrameReader(64 << 20)
        self.version = 0

    def send(self, *fields):
        """One request."""
        self.writer.write(encode(fields))

    async def until(self, *names):
        """The messages up to the first whose id is one of `names`, that one included."""
        found = []
        while True:
            data = await asyncio.wait_for(self.reader.read(1 << 16), ANSWER_SECONDS)
            if not data:
                return found
            found += [fields_of(body) for body in self._frames.feed(data)]
            if any(message[0] in names for message in found):
                return found

    async def told(self, seconds=1):
        """Every message that comes within so many virtual seconds."""
        found = []
        try:
            async with asyncio.timeout(seconds):
                while data := await self.reader.read(1 << 16):
                    found += [fields_of(body) for body in self._frames.feed(data)]
        except TimeoutError:
            pass
        return found


@asynccontextmanager
async def peer(gateway, client_id=1, versions=b"v157..176"):
    """A started peer of the gateway."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    one = Peer(reader, writer)
    writer.write(hello(versions) + start(client_id))
    first = await one.until("4", "9")
    one.version = int(first[0][0])
    await one.told(0.5)
    try:
        yield one
    finally:
        writer.close()
