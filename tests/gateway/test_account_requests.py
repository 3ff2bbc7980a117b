"""The account as a client hears it: values, positions, P&L, and how late they come."""

import asyncio
from decimal import Decimal as D

import ib_insync
import pytest

from sim.gateway.rules import Rules
from tests.support.lying import in_virtual_time
from tests.support.tiny import TinyWorld, flat
from tests.support.wire import peer, served

LARGEST = "1.7976931348623157E308"
ACCOUNT = "DU0000001"
RISE = {n: flat(f"{200 + n * D('0.1')}") for n in range(0, 390)}  # ten cents a minute


async def bought(gateway, client_id=9, shares=100):
    """A client that holds some AAPL; it stays connected."""
    ib = ib_insync.IB()
    await ib.connectAsync("127.0.0.1", gateway.port, client_id)
    [stock] = await ib.qualifyContractsAsync(ib_insync.Stock("AAPL", "SMART", "USD"))
    trade = ib.placeOrder(stock, ib_insync.MarketOrder("BUY", shares))
    await asyncio.sleep(1)
    assert trade.orderStatus.status == "Filled"
    return ib


def of(messages, number):
    """The messages of one id."""
    return [message for message in messages if message[0] == number]


def test_the_p_and_l_stream_says_the_largest_double_until_it_is_ready():
    async def main():
        async with served(TinyWorld(RISE)) as gateway, peer(gateway) as one:
            ib = await bought(gateway)
            one.send(92, 5, ACCOUNT, "")
            one.send(94, 6, ACCOUNT, "", 1)
            at_once = await one.told(0.5)
            soon = await one.told(1)
            later = await one.told(60)
            one.send(93, 5)
            one.send(95, 6)
            await one.told(1)
            after = await one.told(60)
            ib.disconnect()
            return at_once, soon, later, after

    at_once, soon, later, after = in_virtual_time(main)
    assert of(at_once, "94") == [["94", "5", LARGEST, LARGEST, LARGEST]]
    assert of(at_once, "95")[0][3:] == [LARGEST] * 4
    [first] = of(soon, "94")
    assert LARGEST not in first
    [single] = of(soon, "95")
    assert single[2] == "100"
    gains = [D(message[2]) for message in of(later, "94")]
    assert gains == sorted(gains)
    assert gains[-1] > D(first[2])
    assert after == []


def test_a_contract_never_held_has_no_stream_of_its_own():
    async def main():
        async with served() as gateway, peer(gateway) as one:
            one.send(94, 6, ACCOUNT, "", 2)
            return await one.told(30)

    assert in_virtual_time(main) == []


def test_values_are_pushed_on_a_trade_and_every_three_minutes_and_not_between():
    async def main():
        async with served(TinyWorld(RISE)) as gateway, peer(gateway) as one:
            one.send(6, 2, 1, ACCOUNT)
            first = await one.until("54")
            quiet = await one.told(100)
            ib = await bought(gateway)
            traded = await one.told(1)
            between = await one.told(150)
            refreshed = await one.told(60)
            one.send(6, 2, 0, ACCOUNT)
            await one.told(1)
            unsubscribed = await one.told(400)
            ib.disconnect()
            return first, quiet, traded, between, refreshed, unsubscribed

    first, quiet, traded, between, refreshed, unsubscribed = in_virtual_time(main)
    assert [m[0] for m in first[-2:]] == ["8", "54"]
    assert quiet == between == unsubscribed == []
    assert of(traded, "7")[0][13] == "100"
    assert {m[2] for m in of(traded, "6")} >= {"NetLiquidation", "AvailableFunds", "CashBalance"}
    assert D(of(refreshed, "7")[0][14]) > D(of(traded, "7")[0][14])


def test_positions_are_pushed_after_a_fill_to_whoever_asked_and_not_after_cancelling():
    async def main():
        async with served() as gateway, peer(gateway) as one:
            one.send(61, 1)
            empty = await one.until("62")
            ib = await bought(gateway)
            pushed = await one.told(1)
            one.send(64, 1)
            await one.told(1)
            ib.placeOrder(ib.positions()[0].contract, ib_insync.MarketOrder("SELL", 100))
            silent = await one.told(5)
            one.send(61, 1)
            flat_again = await one.until("62")
            ib.disconnect()
            return empty, pushed, silent, flat_again

    empty, pushed, silent, flat_again = in_virtual_time(main)
    assert empty == flat_again == [["62", "1"]]
    [position] = of(pushed, "61")
    assert position[-2] == "100"
    assert D(position[-1]) > 200  # commission is part of the average cost
    assert silent == []


def test_two_summaries_at_once_are_served_and_a_third_is_refused():
    async def main():
        async with served() as gateway, peer(gateway) as one:
            for number in (5, 6, 7):
                one.send(62, 1, number, "All", "NetLiquidation,AvailableFunds")
            found = await one.told(1)
            one.send(63, 1, 5)
            one.send(62, 1, 8, "All", "$LEDGER:ALL")
            ledger = await one.until("64", "4")
            return found, ledger

    found, ledger = in_virtual_time(main)
    assert {(m[2], m[4]) for m in of(found, "63")} == {
        (number, tag) for number in "56" for tag in ("NetLiquidation", "AvailableFunds")
    }
    assert [(m[2], m[3]) for m in of(found, "4")] == [("7", "322")]
    assert {"CashBalance", "ExchangeRate"} <= {m[4] for m in of(ledger, "63")}


@pytest.mark.parametrize(("ready", "first"), [(1, LARGEST), (0, "0")])
def test_how_long_the_stream_is_not_ready_is_a_setting(ready, first):
    async def main():
        async with served(rules=Rules(pnl_ready_seconds=ready)) as gateway, peer(gateway) as one:
            one.send(92, 5, ACCOUNT, "")
            return await one.told(0.5)

    assert in_virtual_time(main) == [["94", "5", first, first, first]]


def test_hong_kong_shares_are_paid_in_their_own_currency():
    async def main():
        async with served(cash={"USD": D(100_000), "HKD": D(50_000)}) as gateway:
            values = {(tag, currency): D(value) for tag, value, currency in _values(gateway)}
            return values

    values = in_virtual_time(main)
    assert values["CashBalance", "HKD"] == 50_000
    assert values["CashBalance", "USD"] == 100_000
    rate = values["ExchangeRate", "HKD"]
    assert values["NetLiquidation", "USD"] == 100_000 + 50_000 * rate
    assert values["BuyingPower", "USD"] == 4 * values["AvailableFunds", "USD"]


def _values(gateway):
    return gateway.exchange.account_values()


def test_the_account_is_named_before_any_order_can_be_placed():
    async def main():
        async with served(account_id="DU7654321") as gateway, peer(gateway) as one:
            one.send(17, 1)
            return await one.until("15")

    assert in_virtual_time(main) == [["15", "1", "DU7654321"]]
