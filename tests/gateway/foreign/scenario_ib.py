"""The scenario with ib_insync or ib_async, without any of our code; prints one JSON object.

Started as `scenario_ib.py LIBRARY PORT VERSION`. What the keys mean stands in expected.py.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import logging
import re
import sys
from collections import defaultdict

lib = importlib.import_module(sys.argv[1])
wrapper = importlib.import_module(f"{sys.argv[1]}.wrapper")

SHARES = 10
HK_LOT = 200
SECONDS_MAX = 30  # most questions of the library wait for ever
TAGS = ("NetLiquidation", "BuyingPower", "AvailableFunds")
SPOKEN_ERROR = re.compile(r"(Warning|Error) \d+, reqId ")  # an error message from the gateway


class Notes(logging.Handler):
    """What the library hears and does not keep as it came, and what it logs."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.problems = []
        self.statuses = defaultdict(list)  # by order id, repeated ones once
        self.codes = defaultdict(list)  # by request or order id
        self.orders = {}  # by order id, as last told
        self.next_id = None
        for part in ("Decoder", "wrapper", "client", "ib"):
            logging.getLogger(f"{lib.__name__}.{part}").addHandler(self)
        self._note_before(wrapper.Wrapper, "orderStatus", self._status)
        self._note_before(wrapper.Wrapper, "error", self._error)
        self._note_before(wrapper.Wrapper, "openOrder", self._order)
        self._note_before(wrapper.Wrapper, "nextValidId", self._id)

    def emit(self, record):
        if not SPOKEN_ERROR.match(record.getMessage()):
            self.problems.append(f"{record.name}: {record.getMessage()}")

    @staticmethod
    def _note_before(owner, name, note):
        original = getattr(owner, name)

        def both(self, *values):
            note(*values)
            return original(self, *values)

        setattr(owner, name, both)

    def _status(self, order_id, status, *rest):
        why_held = rest[7]
        said = f"{status} {why_held}".strip()
        if self.statuses[order_id][-1:] != [said]:
            self.statuses[order_id].append(said)

    def _error(self, request_id, code, *_words):
        self.codes[request_id].append(code)

    def _order(self, order_id, _contract, order, _state):
        self.orders[order_id] = order

    def _id(self, order_id):
        self.next_id = order_id


async def until(condition, what):
    """Returns when the condition holds. Raises TimeoutError after 10 s."""
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError(what)


def amounts(rows):
    """The amounts of some tags, from rows of account values."""
    return {row.tag: row.value for row in rows if row.tag in TAGS and row.currency == "USD"}


def echo(order):
    """What an open order says of itself, from its beginning to its end."""
    return [
        *(order.lmtPrice, order.tif, order.account, order.orderRef, order.outsideRth),
        *(order.ocaType, order.algoStrategy, order.whatIf),
        *(order.isOmsContainer, order.discretionaryUpToLimitPrice),
    ]


async def contracts(ib, found):
    """Steps 2 and 3: contract details, market rule, bars."""
    stocks = []
    for key, terms in (("us", ("ARDN", "SMART", "USD")), ("hk", ("733", "SEHK", "HKD"))):
        [row] = await ib.reqContractDetailsAsync(lib.Stock(*terms))
        found[key] = {
            "con_id": row.contract.conId,
            "lot": row.minSize or None,  # unknown to versions below 164
            "rules": row.marketRuleIds,
            "exchanges": row.validExchanges,
            "name": row.longName,
            "zone": row.timeZoneId,
            "hours": row.tradingHours,
        }
        stocks.append(row.contract)
    us, hk = stocks
    rule = await ib.reqMarketRuleAsync(int(found["us"]["rules"].split(",")[0]))
    found["rule"] = [[step.lowEdge, step.increment] for step in rule]
    for key, stock, length, size in (
        ("bars", us, "2 D", "5 mins"),
        ("days", us, "10 D", "1 day"),
        ("hk_days", hk, "10 D", "1 day"),
    ):
        bars = await ib.reqHistoricalDataAsync(stock, "", length, size, "TRADES", True)
        found[key] = [len(bars), bars[-1].close]
    return stocks


async def quotes(ib, us, found):
    """Step 3: a quote once, and one that is kept up to date until it is cancelled."""
    [once] = await ib.reqTickersAsync(us)
    found["quote"] = [once.bid, once.ask, once.last]
    stream = ib.reqMktData(us)
    await until(lambda: stream.last == stream.last, "stream")  # NaN until it is known
    found["stream"] = [stream.bid, stream.ask, stream.last]
    ib.cancelMktData(us)


async def account(ib, found):
    """Step 4: summary, updates (the library waits for their end), multi, positions."""
    found["summary"] = amounts(await ib.accountSummaryAsync())
    found["updates"] = amounts(ib.accountValues())
    ib.wrapper.accountValues.clear()
    await ib.reqAccountUpdatesMultiAsync("", "")
    found["multi"] = amounts(ib.accountValues())
    found["held_at_start"] = [row.contract.symbol for row in await ib.reqPositionsAsync()]
    ib.reqPnL(found["account"])  # its last word is read at the end


async def questions(ib, us, found):
    """Step 5: scanner, news, symbols, a what-if order, the time."""
    scan = lib.ScannerSubscription(
        numberOfRows=5, instrument="STK", locationCode="STK.US.MAJOR", scanCode="TOP_PERC_GAIN"
    )
    rows = await ib.reqScannerDataAsync(scan)
    found["scan"] = [row.contractDetails.contract.symbol for row in rows]
    found["knows_scan"] = "TOP_PERC_GAIN" in await ib.reqScannerParametersAsync()
    found["providers"] = [one.code for one in await ib.reqNewsProvidersAsync()]
    news = ib.client.getReqId()
    lines = ib.wrapper.startReq(news)
    ib.client.reqHistoricalNews(news, us.conId, "+".join(found["providers"]), "", "", 5, [])
    [line] = await lines
    found["headline"] = line.headline
    found["article"] = (await ib.reqNewsArticleAsync(line.providerCode, line.articleId)).articleText
    matches = await ib.reqMatchingSymbolsAsync("ARD")
    found["matches"] = [one.contract.symbol for one in matches]
    state = await ib.whatIfOrderAsync(us, lib.LimitOrder("BUY", SHARES, found["quote"][1]))
    found["what_if"] = [
        float(number)
        for number in (state.initMarginChange, state.maintMarginChange, state.commission)
    ]
    found["today"] = f"{await ib.reqCurrentTimeAsync():%Y-%m-%d}"


async def bracket(ib, notes, us, found):
    """Step 6: three legs; the entry fills at once, the stop when it is moved over the price."""
    tick, (_, ask, last) = found["rule"][-1][1], found["quote"]
    parent, target, stop = ids = [ib.client.getReqId() for _ in range(3)]
    exits = {"parentId": parent, "tif": "GTC"}
    legs = [
        lib.LimitOrder("BUY", SHARES, round(ask + 5 * tick, 2), orderId=parent, transmit=False),
        lib.LimitOrder(
            "SELL", SHARES, round(last * 1.2, 2), orderId=target, transmit=False, **exits
        ),
        lib.StopOrder("SELL", SHARES, round(last * 0.8, 2), orderId=stop, **exits),
    ]
    trades = [ib.placeOrder(us, leg) for leg in legs]
    await until(
        lambda: (
            notes.statuses[target][-1:] == ["Submitted"]
            and notes.statuses[stop][-1:] == ["PreSubmitted trigger"]
        ),
        "exits at work",
    )
    found["held"] = [[row.contract.symbol, row.position] for row in await ib.reqPositionsAsync()]
    found["portfolio"] = [[row.contract.symbol, row.position] for row in ib.portfolio()]
    ib.reqPnLSingle(found["account"], "", us.conId)
    found["open"] = sorted(
        [trade.order.orderType, trade.order.action, trade.orderStatus.status]
        for trade in await ib.reqAllOpenOrdersAsync()
        if trade.isActive()
    )
    legs[2].auxPrice = round(last + 5 * tick, 2)
    ib.placeOrder(us, legs[2])
    await until(lambda: notes.codes[target] and trades[2].isDone(), "stop filled")
    found["statuses"] = dict(
        zip(("parent", "target", "stop"), (notes.statuses[one] for one in ids), strict=True)
    )
    found["codes"] = {"target": notes.codes[target]}


async def executions(ib, found):
    """Step 6: what was done, what it cost and brought, and that nothing is held any more."""
    asked = await ib.reqExecutionsAsync()
    fills = ib.fills()  # those asked for are copies without the reports
    await until(lambda: all(fill.commissionReport.execId for fill in fills), "commissions")
    found["fills"] = [[f.execution.side, f.execution.shares, f.execution.price] for f in asked]
    reports = [fill.commissionReport for fill in fills]
    found["commissions"] = [[one.commission, one.realizedPNL or None] for one in reports]
    positions = await ib.reqPositionsAsync()
    found["held_at_end"] = [row.contract.symbol for row in positions if row.position]


async def refusals(ib, notes, us, hk, found):
    """Step 7: an unknown id, a price off the tick, a new price, a global cancel."""
    last = found["quote"][2]
    ib.client.cancelOrder(999_999, "")
    await until(lambda: notes.codes[999_999], "10147")
    crooked = ib.placeOrder(us, lib.LimitOrder("BUY", SHARES, round(last * 0.8, 2) + 0.003))
    await until(lambda: notes.statuses[crooked.order.orderId], "110")
    terms = {"tif": "GTC", "outsideRth": True, "orderRef": "scenario"}
    resting = ib.placeOrder(us, lib.LimitOrder("BUY", SHARES, round(last * 0.8, 2), **terms))
    abroad = ib.placeOrder(hk, lib.LimitOrder("BUY", HK_LOT, found["hk_days"][1]))
    ids = [one.order.orderId for one in (crooked, resting, abroad)]
    await until(lambda: all(notes.statuses[one] for one in ids[1:]), "resting")
    resting.order.lmtPrice = round(last * 0.7, 2)
    ib.placeOrder(us, resting.order)
    await until(lambda: len(resting.log) > 2 and resting.isActive(), "modified")
    await ib.reqAllOpenOrdersAsync()
    found["echo"] = echo(notes.orders[ids[1]])
    ib.reqGlobalCancel()
    await until(lambda: all(202 in notes.codes[one] for one in ids[1:]), "global cancel")
    for key, one in zip(("crooked", "resting", "abroad"), ids, strict=True):
        found["statuses"][key] = notes.statuses[one]
        found["codes"][key] = notes.codes[one]
    found["codes"]["unknown"] = notes.codes[999_999]
    found["completed"] = sorted(
        [trade.order.orderType, trade.order.action, trade.orderStatus.status]
        for trade in await ib.reqCompletedOrdersAsync(False)
    )


async def gains(ib, found):
    """Step 4: the last word of the P&L streams, of the account and of the stock."""
    [total], [single] = ib.pnl(), ib.pnlSingle()
    await until(lambda: total.realizedPnL < 0 and single.value == 0, "pnl")
    found["pnl"] = [total.dailyPnL, total.unrealizedPnL, total.realizedPnL]
    found["pnl_single"] = [single.position, single.unrealizedPnL, single.realizedPnL]


async def scenario(notes, port, version):
    """The whole scenario; what was found."""
    ib = lib.IB()
    ib.client.MinClientVersion = ib.client.MaxClientVersion = version
    ib.client.MaxRequests = 0  # it would wait to stay under the limits of a real gateway
    await ib.connectAsync("127.0.0.1", port, clientId=5, timeout=10)
    [name] = ib.managedAccounts()
    found = {"version": ib.client.serverVersion(), "account": name, "next_id": notes.next_id}
    us, hk = await contracts(ib, found)
    await quotes(ib, us, found)
    await account(ib, found)
    await questions(ib, us, found)
    await bracket(ib, notes, us, found)
    await executions(ib, found)
    await refusals(ib, notes, us, hk, found)
    await gains(ib, found)
    found["notices"] = notes.codes[-1]
    found["problems"] = list(notes.problems)  # before it hangs up
    ib.disconnect()
    return found


async def main(port, version):
    """Prints what was found. Raises TimeoutError, with the problems, where an answer is missing."""
    notes = Notes()
    try:
        print(json.dumps(await asyncio.wait_for(scenario(notes, port, version), SECONDS_MAX)))
    except TimeoutError as error:
        raise TimeoutError(f"{error} {notes.problems}") from error


asyncio.run(main(int(sys.argv[2]), int(sys.argv[3])))
