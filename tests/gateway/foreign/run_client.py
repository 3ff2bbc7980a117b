"""A foreign client's whole day with the gateway, without any of our code; prints one JSON object.

Runs unchanged under ib_insync and ib_async: `IB_LIB` names the one that is installed.
"""

import asyncio
import importlib
import json
import logging
import os
import sys

lib = importlib.import_module(os.environ.get("IB_LIB", "ib_insync"))


async def main(port):
    problems = []

    class Listen(logging.Handler):
        def emit(self, record):
            problems.append(f"{record.name}: {record.getMessage()}")

    for name in ("Decoder", "wrapper"):
        logging.getLogger(f"{lib.__name__}.{name}").addHandler(Listen(logging.ERROR))
    ib = lib.IB()
    await ib.connectAsync("127.0.0.1", port, clientId=5, timeout=10)
    found = {}
    for symbol, exchange, currency, price in (
        (sys.argv[2], "SMART", "USD", 0.9),
        (sys.argv[3], "SEHK", "HKD", 0.9),
    ):
        [stock] = await ib.qualifyContractsAsync(lib.Stock(symbol, exchange, currency))
        [details] = await ib.reqContractDetailsAsync(stock)
        bars = await ib.reqHistoricalDataAsync(stock, "", "2 D", "5 mins", "TRADES", True)
        days = await ib.reqHistoricalDataAsync(stock, "", "10 D", "1 day", "TRADES", True)
        rule = await ib.reqMarketRuleAsync(int(details.marketRuleIds.split(",")[0]))
        found[symbol] = {
            "con_id": stock.conId,
            "lot": details.minSize,
            "bars": len(bars),
            "days": len(days),
            "steps": len(rule),
        }
        close = bars[-1].close

        def legal(value):
            tick = [step.increment for step in rule if step.lowEdge <= value][-1]  # noqa: B023
            return round(round(value / tick) * tick, 6)

        quantity = details.minSize
        ids = [ib.client.getReqId() for _ in range(3)]
        entry = lib.LimitOrder(
            "BUY", quantity, legal(close * price), orderId=ids[0], tif="GTC", transmit=False
        )
        target = lib.LimitOrder(
            "SELL",
            quantity,
            legal(close * 1.2),
            orderId=ids[1],
            parentId=ids[0],
            tif="GTC",
            transmit=False,
        )
        stop = lib.StopOrder(
            "SELL", quantity, legal(close * 0.8), orderId=ids[2], parentId=ids[0], tif="GTC"
        )
        for one in (entry, target, stop):
            ib.placeOrder(stock, one)
        await asyncio.sleep(0.3)
    live = await ib.reqAllOpenOrdersAsync()
    found["orders"] = sorted(
        (t.contract.symbol, t.order.orderType, t.order.action, t.orderStatus.status) for t in live
    )
    found["server_version"] = ib.client.serverVersion()
    found["problems"] = problems
    ib.disconnect()
    print(json.dumps(found))


asyncio.run(main(int(sys.argv[1])))
