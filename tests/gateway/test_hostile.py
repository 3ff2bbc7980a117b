"""Whatever arrives at the port, the gateway neither falls over nor grows, and others are served."""

import asyncio
import os
import socket
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.gateway.nouns import Listing
from sim.gateway.server import CONNECTIONS_MAX, HELLO_SECONDS_MAX
from sim.gateway.wire import answers, requests
from sim.gateway.wire.frames import FRAME_BYTES_MAX, encode
from sim.gateway.wire.layout import Part
from tests.support.lying import in_virtual_time
from tests.support.tiny import AAPL, TinyWorld
from tests.support.wire import hello, peer, served, start

WORDS = st.one_of(
    st.sampled_from(["", "0", "1", "-1", "2147483647", "1.7976931348623157E308", "nan", "1E400"]),
    st.sampled_from(["AAPL", "STK", "SMART", "USD", "BUY", "SELL", "LMT", "STP", "GTC", "1 D"]),
    st.integers(-(10**12), 10**12).map(str),
    st.text(max_size=20),
)


async def is_serving(gateway, client_id=999):
    """Whether a newcomer is greeted and told the time."""
    async with peer(gateway, client_id) as one:
        one.send(49, 1)
        return any(message[0] == "49" for message in await one.until("49"))


async def sent(gateway, data):
    """What comes back for raw bytes, until the gateway closes or is silent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    writer.write(data)
    try:
        return await asyncio.wait_for(reader.read(1 << 20), 2)
    except (TimeoutError, ConnectionError):
        return b""
    finally:
        writer.close()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=600), st.sampled_from(["raw", "after hello", "after start"]))
def test_random_bytes_end_their_own_connection_at_most(data, where):
    before = {"raw": b"", "after hello": hello(), "after start": hello() + start()}[where]

    async def main():
        async with served() as gateway:
            await sent(gateway, before + data)
            return await is_serving(gateway)

    assert in_virtual_time(main)


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(sorted(requests.BY_NUMBER)), st.lists(WORDS, max_size=140))
def test_any_fields_of_any_request_are_answered_or_refused(number, words):
    async def main():
        async with served() as gateway, peer(gateway) as one:
            one.send(number, *words)
            await one.told(2)
            return await is_serving(gateway)

    assert in_virtual_time(main)


@st.composite
def likely(draw):
    """A request with the right number of fields, each a word that might be meant."""
    layout = requests.SERVED[draw(st.sampled_from(sorted(requests.SERVED)))]
    words = layout.write({}, 176)
    plain = [part for part in layout.parts if isinstance(part, Part)]
    for _ in range(draw(st.integers(0, 12))):
        if plain and len(words) > 1:
            words[draw(st.integers(1, len(words) - 1))] = draw(WORDS)
    return words


@settings(max_examples=200, deadline=None)
@given(st.lists(likely(), min_size=1, max_size=6))
def test_nearly_right_requests_are_answered_or_refused(messages):
    async def main():
        async with served() as gateway, peer(gateway) as one:
            for words in messages:
                one.send(*words)
            await one.told(40)
            return await is_serving(gateway)

    assert in_virtual_time(main)


@pytest.mark.parametrize("length", [FRAME_BYTES_MAX + 1, 2**31 - 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize("before", [b"API\0", hello(), hello() + start()])
def test_a_length_that_nobody_means_closes_the_connection(before, length):
    async def main():
        async with served() as gateway:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(before + struct.pack(">I", length) + b"x" * 100)
            while await asyncio.wait_for(reader.read(1 << 16), 5):
                pass  # to the end, which must come
            writer.close()
            return await is_serving(gateway)

    assert in_virtual_time(main)


def test_a_client_that_trickles_its_greeting_is_dropped_and_others_wait_for_nothing():
    async def main():
        async with served() as gateway:
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            began = asyncio.get_running_loop().time()
            greeting = hello(b"v157..176" + b" " * 200)
            for one in greeting[:-1]:
                writer.write(bytes([one]))
                await asyncio.sleep(1)
                if reader.at_eof():
                    break
                assert await is_serving(gateway)
            waited = asyncio.get_running_loop().time() - began
            writer.close()
            return waited

    assert in_virtual_time(main) <= HELLO_SECONDS_MAX + 70  # each look of the others takes a second


def test_more_connections_than_are_taken_are_closed_at_once_and_room_comes_back():
    async def main():
        async with served() as gateway:
            pairs = [
                await asyncio.open_connection("127.0.0.1", gateway.port)
                for _ in range(CONNECTIONS_MAX + 5)
            ]
            await asyncio.sleep(0.1)
            turned_away = 0
            for reader, _ in pairs[-5:]:
                turned_away += await asyncio.wait_for(reader.read(1), 1) == b""
            for _, writer in pairs:
                writer.close()
            await asyncio.sleep(0.1)
            return turned_away, await is_serving(gateway)

    assert in_virtual_time(main) == (5, True)


def test_a_flood_of_garbage_and_of_refused_requests_does_not_make_it_grow():
    async def main():
        async with served() as gateway, peer(gateway) as one:
            before = _resident()
            _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            try:
                for _ in range(200):
                    writer.write(b"\xff" * (1 << 18))
                    await writer.drain()
            except ConnectionError:
                pass  # it was shut out at the first frame
            writer.close()
            for _ in range(3000):
                one.send(9, "no number", *["x"] * 30)
            await one.told(1)
            return _resident() - before, len(gateway.tally.refused), await is_serving(gateway)

    grown, kept, serving = in_virtual_time(main)
    assert grown < 30 << 20
    assert kept == 100
    assert serving


def _resident():
    """This process's resident memory, in bytes."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_it_listens_on_loopback_only():
    async def main():
        async with served() as gateway:
            [listening] = gateway._server.sockets
            address = listening.getsockname()[0]
            others = {
                info[4][0]
                for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)
            } - {"127.0.0.1"}
            reached = [
                one for one in others if not one.startswith("127.") and _reaches(one, gateway)
            ]
            return address, reached

    assert in_virtual_time(main) == ("127.0.0.1", [])


def _reaches(host, gateway):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, gateway.port)) == 0


class Loud(TinyWorld):
    """A world whose names would break a careless wire."""

    def listings(self):
        fields = {name: getattr(AAPL, name) for name in AAPL.__slots__}
        name = 'Näme\0with\x07 \\ "quotes" 漢字 \U0001f4a3' + "long" * 500
        return [Listing(**{**fields, "name": name}), *super().listings()[1:]]


def test_a_name_with_anything_in_it_arrives_as_one_field():
    async def main():
        async with served(Loud()) as gateway, peer(gateway) as one:
            contract = ["0", "AAPL", "STK", "", "0", "", "", "SMART", "", "USD", "", ""]
            one.send(9, 8, 5, *contract, 0, "", "", "")
            found = await one.until("52")
            return [message for message in found if message[0] == "10"]

    [details] = in_virtual_time(main)
    told = answers.CONTRACT_DETAILS.read(details[1:], 176)
    name = told["longName"].encode().decode("unicode_escape")
    assert name.startswith('Nämewith\x07 \\ "quotes" 漢字 \U0001f4a3longlong')


def test_a_frame_of_the_largest_size_is_still_read():
    async def main():
        async with served() as gateway, peer(gateway) as one:
            one.send(81, 5, "x" * (FRAME_BYTES_MAX - 100))
            return await one.until("79")

    assert in_virtual_time(main)[-1] == ["79", "5", "0"]


def test_encode_and_limits_agree():
    assert len(encode(["x" * (FRAME_BYTES_MAX - 1)])) == FRAME_BYTES_MAX + 4
