"""The tables of fields: what is written is read back, by us and by clients that never saw them."""

import asyncio
from decimal import Decimal as D

import ib_insync
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ib_insync.decoder import Decoder

from sim.gateway.session import VERSION_MAX, VERSION_MIN, served_version
from sim.gateway.wire import answers, requests
from sim.gateway.wire.frames import FrameError
from sim.gateway.wire.layout import Packed, Part, Rest, Rows, When
from sim.gateway.wire.words import BadRequest, LeftOver, boolean, decimal, integer, same
from tests.support.lying import in_virtual_time
from tests.support.wire import served

VERSIONS = [version for version in range(VERSION_MIN, VERSION_MAX + 1) if version != 158]
WORDS = {
    same: st.text("abcXYZ 019.-", max_size=8),
    integer: st.integers(-(2**31), 2**31 - 2),
    decimal: st.decimals(-(10**9), 10**9, places=4, allow_nan=False),
    boolean: st.booleans(),
}
LAYOUTS = [*answers.ALL.values(), *requests.SERVED.values()]


def values_of(parts, draw):
    """Random values for parts, optional ones drawn too."""
    found = {}
    for part in parts:
        match part:
            case Part(name, read, _, _, _):
                if draw(st.booleans()):
                    found[name] = draw(WORDS[read])
            case Rows(name, inner):
                found[name] = [values_of(inner, draw) for _ in range(draw(st.integers(0, 2)))]
            case When(_, inner):
                if part.holds(found, "None" if part.name == "deltaNeutralOrderType" else ""):
                    found |= values_of(inner, draw)
            case Rest(name):
                found[name] = []
    return found


def is_kept(kept, back):
    """Whether everything that was given came back."""
    for name, value in kept.items():
        if name not in back:
            continue  # of another version
        if isinstance(value, list):
            assert len(back[name]) == len(value)
            for row, again in zip(value, back[name], strict=True):
                is_kept(row, again)
        elif isinstance(value, str):
            assert back[name] == value
        else:
            assert (back[name] or 0) == value


@given(st.sampled_from(LAYOUTS), st.sampled_from(VERSIONS), st.data())
def test_what_is_written_is_read_back_field_for_field(layout, version, data):
    values = values_of(layout.parts, data.draw)
    fields = layout.write(values, version)
    assert fields[0] == str(layout.number)
    back = layout.read(fields[1:], version)
    is_kept(values, back)
    if not any(isinstance(part, Rest) for part in layout.parts):
        with pytest.raises(LeftOver):
            layout.read([*fields[1:], "one more"], version)


@given(st.sampled_from(LAYOUTS), st.sampled_from(VERSIONS))
def test_a_message_that_ends_too_early_is_refused(layout, version):
    fields = layout.write({}, version)
    if len(fields) > 1:
        with pytest.raises(BadRequest):
            layout.read(fields[1:-1], version)


def test_a_name_that_the_layout_does_not_have_is_our_mistake():
    with pytest.raises(ValueError, match="openOrder has no field limitPrice"):
        answers.ALL["openOrder"].write({"limitPrice": D(1)}, 176)


def test_no_two_messages_share_an_id():
    assert len(answers.BY_NUMBER) == len(answers.ALL)
    assert len(requests.BY_NUMBER) == len(requests.SERVED) + len(requests.NOT_SERVED)


class Heard:
    """Whatever a decoder calls."""

    def __init__(self):
        self.calls = []
        self.ib = ib_insync.IB()

    def __getattr__(self, name):
        return lambda *arguments: self.calls.append((name, arguments))


# What ib_insync demands of a message's fields, id included (its decoder unpacks exactly these).
COUNTS = {
    "tickPrice": 7,
    "nextValidId": 3,
    "managedAccounts": 3,
    "commissionReport": 8,
    "position": 16,
    "portfolioValue": 20,
    "execDetails": 31,
}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_answer_is_decoded_by_a_client_of_its_version(version, caplog):
    heard = Heard()
    decoder = Decoder(heard, version)
    given_values = {
        "execDetails": {"time": "20261120 10:00:00 US/Eastern"},
        "openOrder": {"status": "Submitted"},
        "historicalData": {
            "bars": Packed(1, "\0".join(["20261120", "1", "2", "1", "2", "9", "1.5", "1"]))
        },
    }
    for name, layout in answers.ALL.items():
        fields = layout.write(given_values.get(name, {}), version)
        assert len(fields) == COUNTS.get(name, len(fields)), name
        decoder.interpret("\0".join(fields).split("\0"))
    assert caplog.messages == []
    assert len(heard.calls) >= len(answers.ALL) - 4  # ends and starts of lists call nothing


def test_orders_carry_more_fields_from_each_version_that_adds_some():
    counts = {v: len(answers.OPEN_ORDER.write({}, v)) for v in range(157, 177)}
    added = {v: counts[v] - counts[v - 1] for v in range(158, 177) if counts[v] != counts[v - 1]}
    assert added == {158: 1, 160: 1, 162: 1, 170: 5}
    placed = {v: len(requests.PLACE_ORDER.write({}, v)) for v in range(157, 177)}
    added = {v: placed[v] - placed[v - 1] for v in range(158, 177) if placed[v] != placed[v - 1]}
    assert added == {158: 1, 160: 1, 162: 1, 166: 1, 169: 1}


def everything(client):
    """Every request a client of this API can make, in any order that makes sense."""
    stock = ib_insync.Stock("AAPL", "SMART", "USD", conId=1)
    bag = ib_insync.Contract(
        secType="BAG", symbol="X", comboLegs=[ib_insync.ComboLeg(1, 1, "BUY", "SMART")]
    )
    order = ib_insync.LimitOrder("BUY", 1, 150.0)
    algo = ib_insync.LimitOrder(
        "BUY", 1, 150.0, algoStrategy="Adaptive", algoParams=[ib_insync.TagValue("a", "b")]
    )
    conditional = ib_insync.LimitOrder(
        "BUY",
        1,
        150.0,
        conditions=[
            ib_insync.PriceCondition(price=1.0, conId=1, exch="SMART"),
            ib_insync.TimeCondition(time="20261120 10:00:00"),
            ib_insync.MarginCondition(percent=10),
            ib_insync.ExecutionCondition(secType="STK", exch="SMART", symbol="X"),
            ib_insync.VolumeCondition(volume=5, conId=1, exch="SMART"),
            ib_insync.PercentChangeCondition(changePercent=1.0, conId=1, exch="SMART"),
        ],
    )
    hedged = ib_insync.LimitOrder(
        "BUY", 1, 150.0, hedgeType="D", hedgeParam="1", deltaNeutralOrderType="MKT",
        scalePriceIncrement=0.5,
    )  # fmt: skip
    benchmark = ib_insync.Order(action="BUY", totalQuantity=1, orderType="PEG BENCH")
    midpoint = ib_insync.Order(action="BUY", totalQuantity=1, orderType="PEG MID")
    orders = (order, algo, conditional, hedged, benchmark, midpoint)
    for number, one in enumerate(orders, start=100):
        client.placeOrder(number, stock, one)
    client.placeOrder(110, bag, order)
    client.cancelOrder(100, "")
    client.reqMktData(1, stock, "233", False, False, [])
    client.reqMktData(2, bag, "", True, False, [])
    client.cancelMktData(1)
    client.reqOpenOrders()
    client.reqAutoOpenOrders(True)
    client.reqAllOpenOrders()
    client.reqCompletedOrders(False)
    client.reqExecutions(3, ib_insync.ExecutionFilter())
    client.reqIds(1)
    client.reqManagedAccts()
    client.reqCurrentTime()
    client.setServerLogLevel(2)
    client.reqMarketDataType(1)
    client.reqAccountUpdates(True, "DU0000001")
    client.reqAccountUpdates(False, "DU0000001")
    client.reqAccountUpdatesMulti(4, "DU0000001", "", False)
    client.cancelAccountUpdatesMulti(4)
    client.reqPositions()
    client.cancelPositions()
    client.reqAccountSummary(5, "All", "NetLiquidation,$LEDGER:ALL")
    client.cancelAccountSummary(5)
    client.reqPnL(6, "DU0000001", "")
    client.cancelPnL(6)
    client.reqPnLSingle(7, "DU0000001", "", 1)
    client.cancelPnLSingle(7)
    client.reqContractDetails(8, stock)
    client.reqMatchingSymbols(9, "APP")
    client.reqMarketRule(26)
    client.reqHistoricalData(10, stock, "", "1 D", "5 mins", "TRADES", True, 1, False, [])
    client.reqHistoricalData(11, bag, "", "1 D", "5 mins", "TRADES", True, 1, False, [])
    client.reqHistoricalData(12, stock, "", "1 D", "5 mins", "TRADES", True, 1, True, [])
    client.cancelHistoricalData(12)
    scan = ib_insync.ScannerSubscription(10, "STK", "STK.US.MAJOR", "TOP_PERC_GAIN")
    client.reqScannerSubscription(13, scan, [], [])
    client.cancelScannerSubscription(13)
    client.reqScannerParameters()
    client.reqNewsProviders()
    client.reqHistoricalNews(14, 1, "SYNTH", "2026-11-19 00:00:00", "2026-11-20 15:00:00", 9, [])
    client.reqNewsArticle(15, "SYNTH", "none", [])
    client.reqGlobalCancel()
    not_served(client, stock)


def not_served(client, stock):
    """Requests that this gateway knows and refuses."""
    client.reqMktDepth(20, stock, 5, False, [])
    client.cancelMktDepth(20, False)
    client.reqNewsBulletins(True)
    client.cancelNewsBulletins()
    client.requestFA(1)
    client.replaceFA(21, 1, "<x/>")
    client.exerciseOptions(22, stock, 1, 1, "", 0)
    client.reqRealTimeBars(23, stock, 5, "TRADES", True, [])
    client.cancelRealTimeBars(23)
    client.reqFundamentalData(24, stock, "ReportSnapshot", [])
    client.cancelFundamentalData(24)
    client.calculateImpliedVolatility(25, stock, 1.0, 1.0, [])
    client.calculateOptionPrice(26, stock, 1.0, 1.0, [])
    client.cancelCalculateImpliedVolatility(25)
    client.cancelCalculateOptionPrice(26)
    client.reqPositionsMulti(27, "", "")
    client.cancelPositionsMulti(27)
    client.reqSecDefOptParams(28, "AAPL", "", "STK", 1)
    client.reqSoftDollarTiers(29)
    client.reqFamilyCodes()
    client.reqMktDepthExchanges()
    client.reqSmartComponents(30, "a")
    client.reqHeadTimeStamp(31, stock, "TRADES", True, 1)
    client.cancelHeadTimeStamp(31)
    client.reqHistogramData(32, stock, True, "1 day")
    client.cancelHistogramData(32)
    client.reqHistoricalTicks(33, stock, "", "", 10, "TRADES", True, False, [])
    client.reqTickByTickData(34, stock, "Last", 0, False)
    client.cancelTickByTickData(34)
    client.reqWshMetaData(35)
    client.cancelWshMetaData(35)
    client.reqUserInfo(36)
    client.queryDisplayGroups(37)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_request_of_a_client_is_read_to_its_last_field(version, caplog):
    async def main():
        async with served() as gateway:
            ib = ib_insync.IB()
            ib.client.MaxClientVersion = version
            codes = {}
            ib.errorEvent += lambda number, code, *_: codes.setdefault(number, []).append(code)
            await ib.connectAsync("127.0.0.1", gateway.port, 7)
            ib.client.MaxRequests = 0
            everything(ib.client)
            await asyncio.sleep(5)
            alive = await ib.reqCurrentTimeAsync()
            result = ib.client.serverVersion(), gateway.tally, codes, alive
            ib.disconnect()
            return result

    spoken, tally, codes, alive = in_virtual_time(main)
    assert spoken == version
    assert alive
    assert (tally.left_over, tally.failed) == (0, 0)
    # Read in full and refused for what they say: conditions and algorithms.
    assert [words.split(": ")[1] for words in tally.refused] == [
        "algorithmic orders are not taken here",
        "orders with conditions are not taken here",
    ]
    for number in (20, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37):
        assert 321 in codes[number], number
    assert [m for m in caplog.messages if "Error handling fields" in m] == []


@pytest.mark.parametrize(
    ("least", "most", "spoken"),
    [(100, 157, 157), (157, 158, 157), (157, 159, 159), (100, 176, 176), (100, 225, 176)],
)
def test_the_version_is_the_lower_maximum_and_never_the_misaligned_one(least, most, spoken):
    assert served_version(least, most, VERSION_MAX) == spoken


@pytest.mark.parametrize(("least", "most"), [(100, 156), (158, 158), (177, 200)])
def test_a_client_without_a_common_version_is_turned_away(least, most):
    with pytest.raises(FrameError):
        served_version(least, most, VERSION_MAX)
