"""Virtual time: an hour passes in no time, and nothing is overtaken by a jump."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

from sim import clock

START = datetime(2026, 11, 20, 14, 30, tzinfo=UTC)


def test_an_hour_of_sleep_takes_no_real_hour_and_arrives_exactly():
    async def main():
        virtual = clock.VirtualClock(START, asyncio.get_running_loop())
        began = time.monotonic()
        for _ in range(120):
            await asyncio.sleep(30)
        return virtual.now(), time.monotonic() - began

    now, real = clock.run(main)
    assert timedelta(0) <= now - START - timedelta(hours=1) < timedelta(milliseconds=1)
    assert real < 30


def test_a_waiter_that_wants_strictly_more_than_its_time_is_not_asked_for_ever():
    async def main():
        loop = asyncio.get_running_loop()
        began, looks, done = loop.time(), [], asyncio.Event()

        def look():
            looks.append(loop.time())
            if loop.time() - began > 1.0:
                done.set()
            else:
                loop.call_at(began + 1.0, look)

        look()
        await done.wait()
        return len(looks)

    assert clock.run(main) <= 3


def test_timers_fire_in_the_order_of_their_times():
    async def main():
        order = []

        async def after(seconds):
            await asyncio.sleep(seconds)
            order.append(seconds)

        await asyncio.gather(after(300), after(0.5), after(20), after(0.25))
        return order

    assert clock.run(main) == [0.25, 0.5, 20, 300]


def test_a_timeout_never_overtakes_a_reply_over_loopback():
    """Two thousand questions with a one-second limit: not one may time out in virtual time."""

    async def answer(reader, writer):
        while line := await reader.readline():
            writer.write(line * 40)
        writer.close()

    async def main():
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number in range(2000):
            writer.write(b"%d\n" % number)
            for _ in range(40):
                line = await asyncio.wait_for(reader.readline(), 1.0)
                assert int(line) == number
        waited = loop.time()
        writer.close()
        await writer.wait_closed()
        server.close()
        return waited

    assert clock.run(main) == 0.0


def test_a_silent_peer_times_out_after_exactly_the_virtual_limit():
    async def main():
        loop = asyncio.get_running_loop()

        async def silent(_reader, writer):
            await asyncio.sleep(3600)
            writer.close()

        server = await asyncio.start_server(silent, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        before = loop.time()
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(reader.readline(), 11)
        after = loop.time()
        writer.close()
        server.close()
        return after - before

    assert clock.run(main) == pytest.approx(11, abs=1e-6)


def test_time_stands_still_while_a_thread_works():
    async def main():
        loop = asyncio.get_running_loop()
        work = asyncio.create_task(asyncio.to_thread(time.sleep, 0.2))
        late = asyncio.create_task(asyncio.sleep(1000))
        await work
        took = loop.time()
        late.cancel()
        return took

    assert clock.run(main) == 0.0


def test_in_real_time_the_virtual_clock_runs_with_the_wall_clock():
    async def main():
        loop = asyncio.get_running_loop()
        with loop.real_time():
            began = time.monotonic()
            await asyncio.sleep(0.2)
            return loop.time(), time.monotonic() - began

    virtual, real = clock.run(main)
    assert virtual == pytest.approx(0.2, abs=0.02)
    assert real >= 0.19


def test_a_naive_start_is_refused():
    async def main():
        clock.VirtualClock(datetime(2026, 1, 1), asyncio.get_running_loop())  # noqa: DTZ001

    with pytest.raises(ValueError, match="aware"):
        clock.run(main)
