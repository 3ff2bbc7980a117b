"""The protocol: any split of bytes, any hostile bytes, and a real client that decodes it all."""

import asyncio
import itertools
import logging
import struct
from datetime import timedelta
from decimal import Decimal as D

import ib_insync
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim import clock
from sim.gateway.session import Session
from sim.gateway.wire.frames import (
    FRAME_BYTES_MAX,
    FrameError,
    FrameReader,
    encode,
    fields_of,
    frame,
)
from sim.gateway.wire.requests import PLACE_ORDER
from tests.support.tiny import TinyWorld
from tests.support.wire import hello, served

texts = st.lists(
    st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8"), max_size=9)
)


@given(st.lists(texts.filter(bool), max_size=5), st.data())
def test_any_split_of_bytes_gives_the_same_messages(messages, data):
    stream = b"".join(encode(fields) for fields in messages)
    reader, found, rest = FrameReader(), [], stream
    while rest:
        cut = data.draw(st.integers(1, len(rest)))
        found += [fields_of(body) for body in reader.feed(rest[:cut])]
        rest = rest[cut:]
    assert found == messages


CONTRACT = ["0", "AAPL", "STK", "", "0", "", "", "SMART", "", "USD", "", ""]
STREAM = b"".join(
    (
        b"API\0" + struct.pack(">I", 9) + b"v157..176",
        encode([71, 2, 1, ""]),
        encode([9, 8, 5, *CONTRACT, 0, "", "", ""]),
        encode([20, 6, *CONTRACT, 0, "", "5 mins", "1 D", 1, "TRADES", 2, 0, ""]),
        encode([3, "nonsense"]),
        frame(PLACE_ORDER.write({"orderId": 1, "conId": 1, "secType": "STK", "action": "BUY",
                                 "totalQuantity": 7, "orderType": "LMT", "lmtPrice": "150"}, 176)),
        encode([16, 1]),
        encode([4, 1, 1, ""]),
    )
)  # fmt: skip


@given(st.lists(st.integers(1, len(STREAM) - 1), max_size=60))
def test_any_split_of_a_clients_bytes_gets_the_same_answers(cuts):
    async def answers(edges):
        async with served() as gateway:
            session = Session(gateway._core)
            for begin, end in itertools.pairwise([0, *sorted(set(edges)), len(STREAM)]):
                session.receive(STREAM[begin:end])
            return session.take()

    whole = clock.run(lambda: answers([]))
    assert b"Cancelled" in whole
    assert clock.run(lambda: answers(cuts)) == whole


def test_an_oversized_frame_is_refused_before_it_is_kept():
    reader = FrameReader()
    with pytest.raises(FrameError, match="at most"):
        reader.feed(struct.pack(">I", FRAME_BYTES_MAX + 1))
    with pytest.raises(FrameError):
        FrameReader().feed(struct.pack(">I", 2**31))


@pytest.mark.parametrize("body", [b"", b"abc", b"\xff\0"])
def test_a_frame_that_is_none_is_refused(body):
    with pytest.raises(FrameError):
        fields_of(body)


async def exchange_bytes(gateway, *chunks):
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
    for chunk in chunks:
        writer.write(chunk)
        await asyncio.sleep(0.01)
    try:
        return await asyncio.wait_for(reader.read(100_000), 5)
    except TimeoutError:
        return None
    finally:
        writer.close()


def test_the_handshake_speaks_the_lower_of_both_versions():
    async def main():
        async with served() as gateway:
            found = [
                await exchange_bytes(gateway, hello(b"v100..%d" % most))
                for most in (157, 170, 176, 193)
            ]
            refused = await exchange_bytes(gateway, hello(b"v100..156"))
            return found, refused

    found, refused = clock.run(main)
    versions = [fields_of(FrameReader().feed(answer)[0])[0] for answer in found]
    assert versions == ["157", "170", "176", "176"]
    assert refused == b""


@pytest.mark.parametrize(
    "fields",
    [
        [20, 7, *CONTRACT, 0, "", "1 min", "5000 Y", 1, "TRADES", 2, 0, ""],
        [20, 7, *CONTRACT, 0, "00010101 00:00:00", "1 min", "1 D", 1, "TRADES", 2, 0, ""],
        [20, 7, *CONTRACT, 0, "20261120 10:00:00 No/Where", "1 day", "1 D", 1, "TRADES", 2, 0, ""],
        [9, 8, "9" * 4000, *CONTRACT, 0, "", "", ""],
        [3, 9, *CONTRACT, "", "", "BUY", "1E290", "LMT", "1E290"],
        [22, 1, 10, "STK", "STK.US.MAJOR", "TOP_PERC_GAIN", "1E299"],
        [92, "x"],
    ],
)
def test_a_well_formed_request_with_hostile_values_is_an_error_message(fields):
    async def main():
        async with served() as gateway:
            answer = await exchange_bytes(gateway, hello(), encode([71, 2, 1, ""]), encode(fields))
            return answer

    messages = [fields_of(body) for body in FrameReader().feed(clock.run(main))]
    assert [message[3] for message in messages if message[0] == "4"][-1] == "320"


def test_a_gateway_closes_although_a_client_never_reads():
    async def main():
        async with served() as gateway:
            _, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(hello() + encode([71, 2, 1, ""]))
            ask = encode([20, 7, *CONTRACT, 0, "", "1 min", "20 D", 1, "TRADES", 2, 0, ""])
            writer.write(ask * 12)
            await asyncio.sleep(0.5)
            await asyncio.wait_for(gateway.close(), 5)
            writer.close()
            return True

    assert clock.run(main)


@pytest.fixture
def quiet_decoder(caplog):
    """Fails the test if the client logs that it could not decode something."""
    caplog.set_level(logging.WARNING)
    yield
    bad = [
        record.getMessage()
        for record in caplog.records
        if record.name == "ib_insync.Decoder" or "Error handling fields" in record.getMessage()
    ]
    assert bad == []


@pytest.mark.usefixtures("quiet_decoder")
def test_a_real_client_trades_a_bracket_to_its_stop():
    drop = {60: (D("200.00"), D("200.00"), D("195.00"), D("195.50"), 10_000)}

    async def main():
        async with served(TinyWorld(drop)) as gateway:
            ib = ib_insync.IB()
            await ib.connectAsync("127.0.0.1", gateway.port, 7)
            stock = ib_insync.Stock("AAPL", "SMART", "USD")
            [stock] = await ib.qualifyContractsAsync(stock)
            [details] = await ib.reqContractDetailsAsync(stock)
            bars = await ib.reqHistoricalDataAsync(stock, "", "1 D", "5 mins", "TRADES", True)
            rule = await ib.reqMarketRuleAsync(int(details.marketRuleIds.split(",")[0]))
            parent = ib_insync.LimitOrder(
                "BUY", 100, 200.05, orderId=ib.client.getReqId(), transmit=False
            )
            target = ib_insync.LimitOrder(
                "SELL",
                100,
                205.0,
                orderId=ib.client.getReqId(),
                tif="GTC",
                parentId=parent.orderId,
                transmit=False,
            )
            stop = ib_insync.StopOrder(
                "SELL", 100, 198.0, orderId=ib.client.getReqId(), tif="GTC", parentId=parent.orderId
            )
            trades = [ib.placeOrder(stock, one) for one in (parent, target, stop)]
            await asyncio.sleep(1)
            first = [trade.orderStatus.status for trade in trades]
            await asyncio.sleep(3600)
            last = [trade.orderStatus.status for trade in trades]
            fills = ib.fills()
            result = {
                "conId": stock.conId,
                "bars": len(bars),
                "tick": rule[-1].increment,
                "first": first,
                "last": last,
                "fills": [(f.execution.side, f.execution.shares, f.execution.price) for f in fills],
                "commissions": [f.commissionReport.commission for f in fills],
                "realised": fills[-1].commissionReport.realizedPNL,
                "positions": ib.positions(),
                "values": {v.tag for v in ib.accountValues()},
            }
            ib.disconnect()
            return result

    found = clock.run(main)
    assert found["conId"] == 1
    assert found["bars"] == 7
    assert found["tick"] == 0.01
    assert found["first"] == ["Filled", "Submitted", "PreSubmitted"]
    assert found["last"] == ["Filled", "Cancelled", "Filled"]
    assert found["fills"] == [("BOT", 100.0, 200.01), ("SLD", 100.0, 197.99)]
    assert found["commissions"][0] == 1.0003
    assert found["realised"] == pytest.approx(-202.0 - 2.4, abs=0.5)
    assert found["positions"] == []
    assert {"NetLiquidation", "AvailableFunds", "ExchangeRate"} <= found["values"]


def test_a_second_client_of_the_same_id_is_turned_away_and_foreign_orders_are_shown():
    async def main():
        async with served() as gateway:
            one, two, same = ib_insync.IB(), ib_insync.IB(), ib_insync.IB()
            await one.connectAsync("127.0.0.1", gateway.port, 1)
            await two.connectAsync("127.0.0.1", gateway.port, 2)
            codes = []
            same.errorEvent += lambda _id, code, *_: codes.append(code)
            with pytest.raises((TimeoutError, ConnectionError)):
                await same.connectAsync("127.0.0.1", gateway.port, 1, timeout=2)
            [stock] = await one.qualifyContractsAsync(ib_insync.Stock("700", "SEHK", "HKD"))
            one.placeOrder(stock, ib_insync.LimitOrder("BUY", 100, 300.0, tif="GTC"))
            await asyncio.sleep(1)
            own = await two.reqOpenOrdersAsync()
            everyones = await two.reqAllOpenOrdersAsync()
            result = codes, len(own), [trade.order.clientId for trade in everyones]
            one.disconnect()
            two.disconnect()
            return result

    assert clock.run(main) == ([326], 0, [1])


def test_a_what_if_order_shows_margins_and_places_nothing():
    async def main():
        async with served() as gateway:
            ib = ib_insync.IB()
            await ib.connectAsync("127.0.0.1", gateway.port, 1)
            [stock] = await ib.qualifyContractsAsync(ib_insync.Stock("AAPL", "SMART", "USD"))
            state = await ib.whatIfOrderAsync(stock, ib_insync.LimitOrder("BUY", 10, 200.0))
            ib.disconnect()
            return state.initMarginChange, state.commission, gateway.exchange.open_orders()

    assert clock.run(main) == ("1000", 1.0, [])


def test_p_and_l_and_quotes_stream_with_time():
    rise = {40: (D("200.00"), D("203.00"), D("200.00"), D("203.00"), 10_000)}

    async def main():
        async with served(TinyWorld(rise)) as gateway:
            ib = ib_insync.IB()
            await ib.connectAsync("127.0.0.1", gateway.port, 1)
            [stock] = await ib.qualifyContractsAsync(ib_insync.Stock("AAPL", "SMART", "USD"))
            pnl = ib.reqPnL("DU0000001")
            ticker = ib.reqMktData(stock)
            ib.placeOrder(stock, ib_insync.MarketOrder("BUY", 10))
            await asyncio.sleep(timedelta(minutes=11, seconds=40).total_seconds())
            result = ticker.last, ticker.bid, round(pnl.dailyPnL, 2)
            ib.disconnect()
            return result

    # Bought at 200.01 with a fee of 1.00; the next minute is flat at 200 again in this world.
    last, bid, daily = clock.run(main)
    assert (last, bid) == (200.0, 200.0)
    assert daily == pytest.approx(-1.1, abs=0.01)
