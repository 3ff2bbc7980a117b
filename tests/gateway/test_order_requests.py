"""An order's life as the wire tells it, message by message and field by field."""

import asyncio
import itertools
from decimal import Decimal as D

import pytest

from sim.gateway.rules import Rules
from sim.gateway.wire import answers, requests
from sim.gateway.wire.frames import frame
from tests.support.lying import in_virtual_time
from tests.support.tiny import TinyWorld
from tests.support.wire import hello, peer, served, start

RICH = {"USD": D(1_000_000)}
UNSET = "1.7976931348623157E308"


class Trader:
    """A peer that sends orders by name and hears answers by name."""

    def __init__(self, one):
        self._one = one

    def place(self, order_id, **values):
        """A placeOrder of AAPL; LMT BUY 100 unless said otherwise."""
        usual = {
            "conId": 1,
            "symbol": "AAPL",
            "secType": "STK",
            "exchange": "SMART",
            "action": "BUY",
            "totalQuantity": 100,
            "orderType": "LMT",
            "tif": "GTC",
            "orderRef": f"ref-{order_id}",
            "transmit": True,
        }
        message = requests.PLACE_ORDER.write({**usual, **values, "orderId": order_id}, 176)
        self._one.writer.write(frame(message))

    def ask(self, name, **values):
        """Any other request."""
        self._one.writer.write(frame(requests.SERVED[name].write(values, 176)))

    async def told(self, seconds=1):
        """(name, values) of what comes within so many virtual seconds."""
        found = []
        for message in await self._one.told(seconds):
            layout = answers.BY_NUMBER[int(message[0])]
            found.append((layout.name, layout.read(message[1:], 176)))
        return found


def played(scenario, *, clients=(1,), world=None, **more):
    """What `scenario(*traders)` returns, each a client of its own."""

    async def main():
        async with served(world or TinyWorld(), **more) as gateway:
            peers = [peer(gateway, client_id) for client_id in clients]
            ones = [await each.__aenter__() for each in peers]
            try:
                return await scenario(*map(Trader, ones))
            finally:
                for each in peers:
                    await each.__aexit__(None, None, None)

    return in_virtual_time(main)


def names(told):
    """The kinds of messages, in order."""
    return [name for name, _ in told]


def last(told, name):
    """The values of the last message of a kind."""
    return [values for each, values in told if each == name][-1]


def test_a_resting_order_is_told_by_one_pair_with_all_its_terms():
    async def scenario(one):
        one.place(1, lmtPrice="150.5", ocaGroup="g", ocaType=2, account="DU0000001")
        return await one.told()

    told = played(scenario)
    assert names(told) == ["openOrder", "orderStatus"]
    order, status = told[0][1], told[1][1]
    terms = ("orderId", "conId", "symbol", "exchange", "currency", "action", "orderType", "tif")
    assert [order[term] for term in terms] == [
        1, 1, "AAPL", "SMART", "USD", "BUY", "LMT", "GTC"
    ]  # fmt: skip
    assert (order["lmtPrice"], order["auxPrice"], order["totalQuantity"]) == (D("150.5"), 0, 100)
    assert (order["ocaGroup"], order["ocaType"], order["orderRef"]) == ("g", 2, "ref-1")
    assert (order["clientId"], order["account"]) == (1, "DU0000001")
    assert order["commission"] is None
    assert order["permId"] == status["permId"] > 0
    assert order["status"] == status["status"] == "Submitted"
    assert (status["filled"], status["remaining"], status["avgFillPrice"]) == (0, 100, 0)
    assert (status["parentId"], status["clientId"], status["whyHeld"]) == (0, 1, "")


def test_a_fill_is_told_as_captured_execution_states_and_commission_in_their_order():
    async def scenario(one):
        one.place(1, lmtPrice="200.05")
        return await one.told()

    told = played(scenario)
    assert names(told) == [
        "openOrder",
        "orderStatus",
        "execDetails",
        "openOrder",
        "orderStatus",
        "openOrder",
        "orderStatus",
        "commissionReport",
    ]
    values = [each for _, each in told]
    assert values[0]["status"] == values[1]["status"] == "PreSubmitted"
    execution = values[2]
    assert (execution["reqId"], execution["side"], execution["orderRef"]) == (-1, "BOT", "ref-1")
    assert (execution["shares"], execution["price"], execution["cumQty"]) == (100, D("200.01"), 100)
    assert execution["time"] == "20261120 10:00:00 US/Eastern"
    assert values[3]["status"] == values[4]["status"] == "Filled"
    assert (values[3]["commission"], values[5]["commission"]) == (None, D("1.0003"))
    assert values[5]["commissionCurrency"] == "USD"
    assert values[6] == values[4]
    assert (values[4]["filled"], values[4]["remaining"]) == (100, 0)
    assert values[7]["execId"] == execution["execId"]
    assert (values[7]["commission"], values[7]["realizedPNL"]) == (D("1.0003"), None)


def test_the_second_status_of_a_fill_is_a_setting():
    async def scenario(one):
        one.place(1, lmtPrice="200.05")
        return await one.told()

    told = played(scenario, rules=Rules(status_twice_after_fill=False))
    assert names(told).count("orderStatus") == 2


FALLING = {30: (D("200"), D("200"), D("200"), D("200"), 10_000)} | {
    n: (D("199.9"), D("199.9"), D("199.9"), D("199.9"), 10_000) for n in range(31, 60)
}


def test_part_fills_add_up_and_their_prices_average():
    async def scenario(one):
        one.place(1, lmtPrice="200.05", totalQuantity=1500)
        return await one.told(120)

    told = played(scenario, world=TinyWorld(FALLING), cash=RICH)
    fills = [values for name, values in told if name == "execDetails"]
    shares = [int(fill["shares"]) for fill in fills]
    assert sum(shares) == 1500
    assert len(fills) > 2
    assert [int(fill["cumQty"]) for fill in fills] == list(itertools.accumulate(shares))
    worth = sum(fill["shares"] * fill["price"] for fill in fills)
    prices = {fill["price"] for fill in fills}
    assert len(prices) > 1
    status = last(told, "orderStatus")
    assert (status["status"], status["filled"], status["remaining"]) == ("Filled", 1500, 0)
    assert abs(status["avgFillPrice"] - worth / 1500) < D("0.0001")
    assert fills[-1]["avgPrice"] == status["avgFillPrice"] != status["lastFillPrice"]
    assert status["lastFillPrice"] == fills[-1]["price"]
    first = next(values for name, values in told if name == "orderStatus" and values["filled"])
    assert (first["status"], first["filled"]) == ("Submitted", shares[0])
    assert first["remaining"] == 1500 - shares[0]


def test_children_name_their_parent_and_why_they_wait():
    async def scenario(one):
        one.place(1, lmtPrice="150", transmit=False)
        silent = await one.told()
        one.place(2, lmtPrice="210", action="SELL", parentId=1, transmit=False)
        one.place(3, auxPrice="140", action="SELL", orderType="STP", parentId=1)
        return silent, await one.told()

    silent, told = played(scenario)
    assert silent == []
    statuses = {v["orderId"]: v for name, v in told if name == "orderStatus"}
    assert {n: (v["status"], v["whyHeld"], v["parentId"]) for n, v in statuses.items()} == {
        1: ("Submitted", "", 0),
        2: ("PreSubmitted", "child", 1),
        3: ("PreSubmitted", "child,trigger", 1),
    }
    assert {v["parentId"] for name, v in told if name == "openOrder"} == {0, 1}


@pytest.mark.parametrize("first", ["status", "notice"])
def test_a_cancellation_is_told_by_status_and_202_in_either_order(first):
    async def scenario(one):
        one.place(1, lmtPrice="150")
        await one.told()
        one.ask("cancelOrder", orderId=1)
        return await one.told()

    told = played(scenario, rules=Rules(cancel_notice_first=first == "notice"))
    words = [
        values.get("code", values.get("status")) for name, values in told if name != "openOrder"
    ]
    assert words == (["Cancelled", 202] if first == "status" else [202, "Cancelled"])


def test_errors_of_an_order_go_to_its_own_client_alone():
    async def scenario(one, two):
        one.place(1, lmtPrice="150.001")
        one.ask("cancelOrder", orderId=77)
        return await one.told(), await two.told()

    mine, others = played(scenario, clients=(1, 2))
    assert [values["code"] for name, values in mine if name == "error"] == [110, 10147]
    assert others == []


def test_a_status_goes_to_the_orders_own_client_and_positions_to_all_who_asked():
    async def scenario(one, two):
        two.ask("reqPositions")
        await two.told()
        one.place(1, lmtPrice="200.05")
        return await one.told(), await two.told()

    mine, others = played(scenario, clients=(1, 2))
    assert "orderStatus" in names(mine)
    assert names(others) == ["position"]
    assert last(others, "position")["position"] == 100


def test_what_an_order_would_cost_is_told_before_change_and_after():
    async def scenario(one):
        one.place(1, lmtPrice="200", whatIf=True)
        told = await one.told()
        one.ask("reqAllOpenOrders")
        return told, await one.told()

    told, listed = played(scenario)
    assert names(told) == ["openOrder"]
    assert names(listed) == ["openOrderEnd"]
    state = told[0][1]
    assert state["whatIf"]
    assert (state["initMarginBefore"], state["initMarginChange"]) == (0, 10_000)
    assert (state["maintMarginChange"], state["maintMarginAfter"]) == (5_000, 5_000)
    assert state["initMarginAfter"] == 10_000
    assert (state["commission"], state["commissionCurrency"]) == (D("1.0003"), "USD")
    assert state["equityWithLoanBefore"] == 100_000
    assert state["equityWithLoanChange"] == D("-1.0003")
    assert state["equityWithLoanAfter"] == D("99998.9997")


def test_a_what_if_in_another_currency_costs_in_its_own_and_margins_in_the_accounts():
    hong_kong = {"conId": 2, "symbol": "700", "exchange": "SEHK", "lmtPrice": "380"}

    async def scenario(one):
        one.place(1, **hong_kong, whatIf=True)
        return await one.told()

    state = last(played(scenario), "openOrder")
    assert state["commissionCurrency"] == "HKD"
    assert state["initMarginChange"] == 100 * 380 * D("0.128") / 2
    assert state["equityWithLoanChange"] == -state["commission"] * D("0.128")


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["BOT", "BOT", "SLD"]),
        ({"clientId": 1}, ["BOT", "SLD"]),
        ({"clientId": 2}, ["BOT"]),
        ({"clientId": 3}, []),
        ({"side": "BUY"}, ["BOT", "BOT"]),
        ({"side": "SLD"}, ["SLD"]),
        ({"side": "sell"}, ["SLD"]),
        ({"symbol": "AAPL"}, ["BOT", "BOT", "SLD"]),
        ({"symbol": "700"}, []),
        ({"secType": "OPT"}, []),
        ({"exchange": "SEHK"}, []),
        ({"account": "DU0000001"}, ["BOT", "BOT", "SLD"]),
        ({"account": "DU9"}, []),
        ({"time": "20261120 15:01:00 UTC"}, ["SLD"]),
        ({"time": "20261120-15:01:00"}, ["SLD"]),
        ({"time": "20261120 10:01:00 US/Eastern"}, ["SLD"]),
    ],
)
def test_executions_are_listed_by_what_was_asked(asked, found):
    async def scenario(one, two):
        one.place(1, lmtPrice="200.05")
        two.place(1, lmtPrice="200.05", totalQuantity=10)
        await asyncio.sleep(90)
        one.place(2, lmtPrice="199", action="SELL", totalQuantity=50)
        await one.told()
        await two.told()
        two.ask("reqExecutions", reqId=9, **asked)
        return await two.told()

    told = played(scenario, clients=(1, 2))
    assert [values["side"] for name, values in told if name == "execDetails"] == found
    assert names(told)[-1] == "execDetailsEnd"
    assert names(told).count("commissionReport") == len(found)
    assert all(values["reqId"] == 9 for name, values in told if name == "execDetails")


def test_completed_orders_say_how_and_when_they_ended():
    async def scenario(one):
        one.place(1, lmtPrice="200.05")
        one.place(2, lmtPrice="150")
        await one.told(30)
        one.ask("cancelOrder", orderId=2)
        await one.told()
        one.ask("reqCompletedOrders")
        return await one.told()

    told = played(scenario, cash=RICH)
    assert names(told) == ["completedOrder", "completedOrder", "completedOrdersEnd"]
    filled, cancelled = told[0][1], told[1][1]
    assert (filled["status"], filled["filledQuantity"]) == ("Filled", 100)
    assert filled["completedStatus"] == "Filled Size: 100"
    assert (cancelled["status"], cancelled["orderRef"]) == ("Cancelled", "ref-2")
    assert cancelled["completedTime"].startswith("20261120 10:00:3")


def test_a_taken_client_id_is_told_so_and_its_connection_closed():
    async def main():
        async with served() as gateway, peer(gateway, 5):
            reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
            writer.write(hello() + start(5))
            heard = b""
            while data := await asyncio.wait_for(reader.read(1000), 5):
                heard += data
            writer.close()
            return heard, sorted(gateway._core.clients)

    heard, clients = in_virtual_time(main)
    assert b"326" in heard
    assert clients == [5]


def test_times_before_version_174_name_no_zone():
    async def main():
        async with served() as gateway, peer(gateway, versions=b"v157..170") as one:
            message = requests.PLACE_ORDER.write(
                {
                    "orderId": 1,
                    "conId": 1,
                    "secType": "STK",
                    "action": "BUY",
                    "totalQuantity": 1,
                    "orderType": "MKT",
                },
                170,
            )
            one.writer.write(frame(message))
            return await one.told()

    [execution] = [m for m in in_virtual_time(main) if m[0] == "11"]
    assert answers.EXECUTION.read(execution[1:], 170)["time"] == "20261120  10:00:00"


def test_an_order_is_listed_to_its_own_client_by_one_request_and_to_all_by_the_other():
    async def scenario(one, two):
        one.place(1, lmtPrice="150")
        await one.told()
        two.ask("reqOpenOrders")
        own = await two.told()
        two.ask("reqAllOpenOrders")
        return own, await two.told()

    own, everyones = played(scenario, clients=(1, 2))
    assert names(own) == ["openOrderEnd"]
    assert names(everyones) == ["openOrder", "orderStatus", "openOrderEnd"]
    assert (everyones[0][1]["clientId"], everyones[0][1]["orderId"]) == (1, 1)


def test_a_trade_nobodys_client_made_is_heard_by_client_0():
    async def main():
        async with served() as gateway, peer(gateway, 0) as zero, peer(gateway, 7) as seven:
            gateway._core.tell(gateway.exchange.by_broker(1, "BUY", 100))
            gateway._flush()
            return await zero.told(), await seven.told()

    zero, seven = in_virtual_time(main)
    assert "11" in {message[0] for message in zero}
    assert seven == []
