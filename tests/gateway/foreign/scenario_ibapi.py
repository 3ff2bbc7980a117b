"""The scenario with the official API, `ibapi` of either package, without any of our code.

Started as `scenario_ibapi.py PORT`; prints one JSON object. What the keys mean stands in
expected.py.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime

from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.scanner import ScannerSubscription
from listening import HAS_NEW_NAMES, start

try:
    from ibapi.order_cancel import OrderCancel
except ModuleNotFoundError:
    OrderCancel = None  # the older package cancels without a reason

SHARES, HK_LOT = 10, 200
TAGS = ("NetLiquidation", "BuyingPower", "AvailableFunds")
UNKNOWN = 1e300  # amounts above are the largest double: not known
BID, ASK, LAST = 1, 2, 4


def stock(symbol, exchange, currency):
    """A contract as a person would name it."""
    contract = Contract()
    contract.symbol, contract.secType = symbol, "STK"
    contract.exchange, contract.currency = exchange, currency
    return contract


def order(action, shares, price, *, kind="LMT", **terms):
    """An order; `price` is the limit, or the stop of a stop order."""
    made = Order()
    made.action, made.totalQuantity, made.orderType, made.tif = action, shares, kind, "DAY"
    setattr(made, "lmtPrice" if kind == "LMT" else "auxPrice", price)
    made.eTradeOnly = made.firmQuoteOnly = False  # the old package sets what IB no longer takes
    for name, value in terms.items():
        setattr(made, name, value)
    return made


def amounts(rows):
    """The amounts of some tags, from rows of tag, value, currency."""
    return {tag: value for tag, value, currency in rows if tag in TAGS and currency == "USD"}


def echo(made):
    """What an open order says of itself, from its beginning to its end."""
    return [
        *(made.lmtPrice, made.tif, made.account, made.orderRef, made.outsideRth),
        *(made.ocaType, made.algoStrategy, made.whatIf),
        *(made.isOmsContainer, made.discretionaryUpToLimitPrice),
    ]


def contracts(client, found):
    """Steps 2 and 3: contract details, market rule, bars."""
    stocks = []
    for number, key, terms in (
        (101, "us", ("ARDN", "SMART", "USD")),
        (102, "hk", ("733", "SEHK", "HKD")),
    ):
        client.ask("contractDetailsEnd", client.reqContractDetails, number, stock(*terms))
        [[row]] = client.heard("contractDetails", number)
        found[key] = {
            "con_id": row.contract.conId,
            "lot": float(row.minSize) if hasattr(row, "minSize") else None,
            "rules": row.marketRuleIds,
            "exchanges": row.validExchanges,
            "name": row.longName,
            "zone": row.timeZoneId,
            "hours": row.tradingHours,
        }
        stocks.append(row.contract)
    us, hk = stocks
    client.ask("marketRule", client.reqMarketRule, int(found["us"]["rules"].split(",")[0]))
    found["rule"] = [[step.lowEdge, step.increment] for step in client.said["marketRule"][0][1]]
    for number, key, contract, length, size in (
        (103, "bars", us, "2 D", "5 mins"),
        (104, "days", us, "10 D", "1 day"),
        (105, "hk_days", hk, "10 D", "1 day"),
    ):
        terms = ("", length, size, "TRADES", 1, 1, False, [])
        client.ask("historicalDataEnd", client.reqHistoricalData, number, contract, *terms)
        bars = [bar for [bar] in client.heard("historicalData", number)]
        found[key] = [len(bars), bars[-1].close]
    return stocks


def quotes(client, us, found):
    """Step 3: a quote once, and one that is kept up to date until it is cancelled."""

    def known(number):
        prices = {kind: price for kind, price, _ in client.heard("tickPrice", number)}
        return [prices.get(kind) for kind in (BID, ASK, LAST)]

    client.ask("tickSnapshotEnd", client.reqMktData, 106, us, "", True, False, [])
    found["quote"] = known(106)
    client.reqMktData(107, us, "", False, False, [])
    client.until(lambda: None not in known(107), "stream")
    found["stream"] = known(107)
    client.cancelMktData(107)


def account(client, found):
    """Step 4: summary, updates, multi, positions."""
    name = found["account"]
    client.ask("accountSummaryEnd", client.reqAccountSummary, 108, "All", ",".join(TAGS))
    found["summary"] = amounts(rest[1:] for rest in client.heard("accountSummary", 108))
    client.cancelAccountSummary(108)
    client.ask("accountDownloadEnd", client.reqAccountUpdates, True, name)
    found["updates"] = amounts(row[:3] for row in client.said["updateAccountValue"])
    client.ask("accountUpdateMultiEnd", client.reqAccountUpdatesMulti, 109, name, "", False)
    found["multi"] = amounts(rest[2:] for rest in client.heard("accountUpdateMulti", 109))
    client.cancelAccountUpdatesMulti(109)
    found["held_at_start"] = [symbol for symbol, _ in client.held()]
    client.reqPnL(110, name, "")  # its last word is read at the end


def questions(client, us, found):
    """Step 5: scanner, news, symbols, a what-if order, the time."""
    scan = ScannerSubscription()
    scan.numberOfRows, scan.instrument = 5, "STK"
    scan.locationCode, scan.scanCode = "STK.US.MAJOR", "TOP_PERC_GAIN"
    client.ask("scannerDataEnd", client.reqScannerSubscription, 111, scan, [], [])
    client.cancelScannerSubscription(111)
    rows = client.heard("scannerData", 111)
    found["scan"] = [row.contract.symbol for _, row, *_ in rows]
    client.ask("scannerParameters", client.reqScannerParameters)
    found["knows_scan"] = "TOP_PERC_GAIN" in client.said["scannerParameters"][0][0]
    client.ask("newsProviders", client.reqNewsProviders)
    found["providers"] = [one.code for one in client.said["newsProviders"][0][0]]
    providers = "+".join(found["providers"])
    client.ask(
        "historicalNewsEnd", client.reqHistoricalNews, 112, us.conId, providers, "", "", 5, []
    )
    [[_, provider, article, headline]] = client.heard("historicalNews", 112)
    client.ask("newsArticle", client.reqNewsArticle, 115, provider, article, [])
    found["headline"], found["article"] = headline, client.said["newsArticle"][0][2]
    client.ask("symbolSamples", client.reqMatchingSymbols, 113, "ARD")
    found["matches"] = [one.contract.symbol for one in client.said["symbolSamples"][0][1]]
    probe = order("BUY", SHARES, found["quote"][1], whatIf=True)
    client.ask("openOrder", client.placeOrder, found["next_id"], us, probe)
    state = client.said["openOrder"][-1][3]
    cost = state.commissionAndFees if HAS_NEW_NAMES else state.commission
    found["what_if"] = [float(state.initMarginChange), float(state.maintMarginChange), cost]
    client.ask("currentTime", client.reqCurrentTime)
    found["today"] = f"{datetime.fromtimestamp(client.said['currentTime'][0][0], UTC):%Y-%m-%d}"


def open_orders(client):
    """What is open, as order type, action and status."""
    client.said["openOrder"].clear()
    client.ask("openOrderEnd", client.reqAllOpenOrders)
    return {number: (made, state) for number, _, made, state in client.said["openOrder"]}


def bracket(client, us, found):
    """Step 6: three legs; the entry fills at once, the stop when it is moved over the price."""
    tick, (_, ask, last) = found["rule"][-1][1], found["quote"]
    parent, target, stop = ids = [found["next_id"] + n for n in (1, 2, 3)]
    exits = {"parentId": parent, "tif": "GTC"}
    legs = [
        order("BUY", SHARES, round(ask + 5 * tick, 2), transmit=False),
        order("SELL", SHARES, round(last * 1.2, 2), transmit=False, **exits),
        order("SELL", SHARES, round(last * 0.8, 2), kind="STP", **exits),
    ]
    for number, leg in zip(ids, legs, strict=True):
        client.placeOrder(number, us, leg)
    client.until(
        lambda: (
            client.statuses[target][-1:] == ["Submitted"]
            and client.statuses[stop][-1:] == ["PreSubmitted trigger"]
        ),
        "exits at work",
    )
    found["held"] = client.held()
    rows = {stock.symbol: float(shares) for stock, shares, *_ in client.said["updatePortfolio"]}
    found["portfolio"] = [list(row) for row in rows.items()]
    client.reqPnLSingle(116, found["account"], "", us.conId)
    found["open"] = sorted(
        [made.orderType, made.action, state.status] for made, state in open_orders(client).values()
    )
    legs[2].auxPrice = round(last + 5 * tick, 2)
    client.placeOrder(stop, us, legs[2])
    client.until(
        lambda: client.codes[target] and client.statuses[stop][-1] == "Filled", "stop filled"
    )
    found["statuses"] = dict(
        zip(("parent", "target", "stop"), (client.statuses[one] for one in ids), strict=True)
    )
    found["codes"] = {"target": client.codes[target]}


def executions(client, found):
    """Step 6: what was done, what it cost and brought, and that nothing is held any more."""
    name = "commissionAndFeesReport" if HAS_NEW_NAMES else "commissionReport"
    client.said[name].clear()
    client.ask("execDetailsEnd", client.reqExecutions, 114, ExecutionFilter())
    done = [one for _, one in client.heard("execDetails", 114)]
    found["fills"] = [[one.side, float(one.shares), one.price] for one in done]
    client.until(lambda: len(client.said[name]) == len(done), "commissions")
    reports = [report for [report] in client.said[name]]
    found["commissions"] = [
        [
            one.commissionAndFees if HAS_NEW_NAMES else one.commission,
            one.realizedPNL if one.realizedPNL < UNKNOWN else None,
        ]
        for one in reports
    ]
    found["held_at_end"] = [symbol for symbol, _ in client.held()]


def cancels(client):
    """The requests to cancel one order and all, which the newer package wants a reason for."""
    if OrderCancel is None:
        return client.cancelOrder, client.reqGlobalCancel
    why = OrderCancel()
    return lambda number: client.cancelOrder(number, why), lambda: client.reqGlobalCancel(why)


def refusals(client, us, hk, found):
    """Step 7: an unknown id, a price off the tick, a new price, a global cancel."""
    last, cancel, cancel_all = found["quote"][2], *cancels(client)
    cancel(999_999)
    client.until(lambda: client.codes[999_999], "10147")
    crooked, resting, abroad = ids = [found["next_id"] + n for n in (4, 5, 6)]
    client.placeOrder(crooked, us, order("BUY", SHARES, round(last * 0.8, 2) + 0.003))
    client.until(lambda: client.statuses[crooked], "110")
    terms = {"tif": "GTC", "outsideRth": True, "orderRef": "scenario"}
    client.placeOrder(resting, us, order("BUY", SHARES, round(last * 0.8, 2), **terms))
    client.placeOrder(abroad, hk, order("BUY", HK_LOT, found["hk_days"][1]))
    client.until(lambda: all(client.statuses[one] for one in ids[1:]), "resting")
    client.placeOrder(resting, us, order("BUY", SHARES, round(last * 0.7, 2), **terms))
    found["echo"] = echo(open_orders(client)[resting][0])
    cancel_all()
    client.until(lambda: all(202 in client.codes[one] for one in ids[1:]), "global cancel")
    for key, one in zip(("crooked", "resting", "abroad"), ids, strict=True):
        found["statuses"][key] = client.statuses[one]
        found["codes"][key] = client.codes[one]
    found["codes"]["unknown"] = client.codes[999_999]
    client.ask("completedOrdersEnd", client.reqCompletedOrders, False)
    found["completed"] = sorted(
        [made.orderType, made.action, state.status]
        for _, made, state in client.said["completedOrder"]
    )


def gains(client, found):
    """Step 4: the last word of the P&L streams, of the account and of the stock."""

    def last(name):
        return [float(number) for number in client.said[name][-1][1:]]

    client.until(lambda: last("pnl")[2] < 0 and last("pnlSingle")[-1] == 0, "pnl")
    found["pnl"] = last("pnl")
    position, _, unrealised, realised, _ = last("pnlSingle")
    found["pnl_single"] = [position, unrealised, realised]


def main(port):
    """The whole scenario."""
    client = start(port)
    [[number]], [[name]] = client.said["nextValidId"], client.said["managedAccounts"]
    found = {"version": client.serverVersion(), "account": name, "next_id": number}
    us, hk = contracts(client, found)
    quotes(client, us, found)
    account(client, found)
    questions(client, us, found)
    bracket(client, us, found)
    executions(client, found)
    refusals(client, us, hk, found)
    gains(client, found)
    found["notices"] = client.codes[-1]
    found["problems"] = list(client.problems)  # before it hangs up
    client.disconnect()
    print(json.dumps(found))


main(int(sys.argv[1]))
