"""The recording proxy alters nothing and writes everything; a recording is held against layouts."""

import asyncio
import json
import socket

import ib_insync
import pytest

from sim.gateway.capture import CaptureError, compare
from sim.gateway.record import Recorder
from tests.support.lying import bracket, in_virtual_time
from tests.support.wire import hello, served


async def recorded(scenario, client_port=0):
    """The lines of a recording of `scenario(ib)` through the proxy, and what it returned."""
    lines = []
    async with served() as gateway:
        loop = asyncio.get_running_loop()
        recorder = Recorder("127.0.0.1", gateway.port, seconds=loop.time, write=lines.append)
        await recorder.start(client_port)
        ib = ib_insync.IB()
        await ib.connectAsync("127.0.0.1", recorder.port, 7)
        result = await scenario(ib)
        ib.disconnect()
        await asyncio.sleep(1)
        await recorder.close()
        return lines, result


async def a_days_work(ib):
    """Contracts, bars, quotes and a bracket through its stop."""
    [stock] = await ib.qualifyContractsAsync(ib_insync.Stock("AAPL", "SMART", "USD"))
    bars = await ib.reqHistoricalDataAsync(stock, "", "1 D", "5 mins", "TRADES", True)
    trades = [ib.placeOrder(stock, one) for one in bracket(ib)]
    await asyncio.sleep(5)
    trades[2].order.auxPrice = 200.0
    ib.placeOrder(stock, trades[2].order)
    await asyncio.sleep(30)
    return len(bars), [trade.orderStatus.status for trade in trades]


def test_a_client_does_not_notice_the_proxy_and_every_message_is_written_down():
    lines, result = in_virtual_time(lambda: recorded(a_days_work))
    assert result == (7, ["Filled", "Cancelled", "Filled"])
    rows = [json.loads(line) for line in lines]
    assert rows[0]["hello"] == "v157..176"
    assert rows[1]["fields"][0] == "176"
    assert [row["seconds"] for row in rows] == sorted(row["seconds"] for row in rows)
    sent = [row["fields"][0] for row in rows if row["from"] == "client" and "fields" in row]
    assert sent[:6] == ["71", "61", "5", "99", "6", "76"]
    assert sent.count("3") == 4
    told = [row["fields"][0] for row in rows if row["from"] == "gateway" and "fields" in row]
    assert told.count("11") == 2
    assert told.count("59") == 2


def test_a_recording_of_this_gateway_agrees_with_its_own_layouts():
    lines, _ = in_virtual_time(lambda: recorded(a_days_work))
    found = compare(lines)
    assert found.agrees
    assert found.versions == [176]
    assert found.messages["client placeOrder"] == 4
    assert found.messages["gateway execDetails"] == 2


def altered(lines, message, change):
    """The recording with every gateway message of that id changed."""
    for line in lines:
        row = json.loads(line)
        if row["from"] == "gateway" and row.get("fields", [""])[0] == message:
            row["fields"] = change(row["fields"])
        yield json.dumps(row)


@pytest.mark.parametrize(
    ("message", "change", "says"),
    [
        ("11", lambda fields: [*fields, "0"], "execDetails: 1 fields too many"),
        ("61", lambda fields: fields[:-1], "position: a request of 14 fields ends too early"),
        ("3", lambda fields: ["3", "x", *fields[2:]], "an integer is expected, was 'x'"),
        ("59", lambda fields: ["459", *fields[1:]], "a message that is not laid out here"),
    ],
)
def test_a_message_of_another_shape_is_named_with_its_line(message, change, says):
    lines, _ = in_virtual_time(lambda: recorded(a_days_work))
    found = compare(altered(lines, message, change))
    assert not found.agrees
    assert any(says in line for line in found.differences), found.differences
    assert found.differences[0].startswith("line ")


def test_a_field_that_is_always_another_is_told_although_it_fits():
    lines, _ = in_virtual_time(lambda: recorded(a_days_work))
    found = compare(altered(lines, "3", lambda fields: [*fields[:-1], "7.5"]))
    assert found.agrees
    assert "orderStatus.mktCapPrice: always '7.5' there, '0' here unless told otherwise" in (
        found.constants
    )


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["nonsense"], "line 1: JSON is expected"),
        (["[1]"], "line 1: an object with connection and from is expected"),
        (
            ['{"connection": 1, "from": "gateway", "fields": ["15", "1", "DU1"]}'],
            "line 1: the gateway's version is expected first",
        ),
    ],
)
def test_a_file_that_is_no_recording_is_refused_with_its_line(lines, says):
    with pytest.raises(CaptureError, match=says):
        compare(lines)


def test_bytes_that_are_no_messages_pass_all_the_same_and_are_written_as_bytes():
    async def main():
        lines = []
        heard = bytearray()

        async def echo(reader, writer):
            while data := await reader.read(1000):
                heard.extend(data)
                writer.write(data)

        far = await asyncio.start_server(echo, "127.0.0.1", 0)
        port = far.sockets[0].getsockname()[1]
        loop = asyncio.get_running_loop()
        recorder = Recorder("127.0.0.1", port, seconds=loop.time, write=lines.append)
        await recorder.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", recorder.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        back = await asyncio.wait_for(reader.read(100), 5)
        writer.close()
        await asyncio.sleep(0.5)
        await recorder.close()
        far.close()
        return back, bytes(heard), [json.loads(line) for line in lines]

    back, heard, rows = in_virtual_time(main)
    assert back == heard == b"GET / HTTP/1.1\r\n\r\n"
    assert bytes.fromhex(rows[0]["bytes"]) == heard
    assert rows[0]["says"] == "a connection that does not begin with API"


def test_a_gateway_that_cannot_be_reached_is_written_down():
    async def main():
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            closed_port = probe.getsockname()[1]
        lines = []
        recorder = Recorder("127.0.0.1", closed_port, seconds=lambda: 0.0, write=lines.append)
        await recorder.start()
        reader, writer = await asyncio.open_connection("127.0.0.1", recorder.port)
        writer.write(hello())
        ended = await asyncio.wait_for(reader.read(1), 5)
        writer.close()
        await recorder.close()
        return ended, [json.loads(line) for line in lines]

    ended, [row] = in_virtual_time(main)
    assert ended == b""
    assert row["says"].startswith("cannot be reached")
