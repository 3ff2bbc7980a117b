"""A client of the official API that keeps everything it hears, and everything that goes wrong."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections import defaultdict

from ibapi.client import EClient
from ibapi.wrapper import EWrapper

HAS_NEW_NAMES = hasattr(EWrapper, "commissionAndFeesReport")  # the API renamed commissions
HEARD = (
    *("managedAccounts", "nextValidId", "contractDetails", "contractDetailsEnd", "marketRule"),
    *("historicalData", "historicalDataEnd", "tickPrice", "tickSnapshotEnd", "symbolSamples"),
    *("accountSummary", "accountSummaryEnd", "updateAccountValue", "accountDownloadEnd"),
    *("accountUpdateMulti", "accountUpdateMultiEnd", "updatePortfolio", "position", "positionEnd"),
    *("pnl", "pnlSingle", "scannerData", "scannerDataEnd", "scannerParameters", "newsProviders"),
    *("historicalNews", "historicalNewsEnd", "newsArticle"),
    *("currentTime", "openOrder", "openOrderEnd", "completedOrder", "completedOrdersEnd"),
    *("execDetails", "execDetailsEnd", "commissionReport", "commissionAndFeesReport"),
)


class Client(EWrapper, EClient):
    """Keeps everything that it hears: `said[callback]` is a list of the callback's arguments."""

    def __init__(self):
        EClient.__init__(self, self)
        self.said = defaultdict(list)
        self.problems = []
        self.statuses = defaultdict(list)  # by order id, repeated ones once
        self.codes = defaultdict(list)  # by request or order id

    def listen(self):
        """The thread that decodes. An exception in it is a problem, and the end of it."""
        try:
            self.run()
        except Exception:  # noqa: BLE001 - whatever the library stumbles over
            self.problems.append(traceback.format_exc())

    def error(self, reqId, *rest):  # noqa: N803
        """A code comes second, or third after a time."""
        code = rest[1] if HAS_NEW_NAMES else rest[0]
        self.codes[reqId].append(code)
        if 501 <= code < 600:  # the library's own: what it could not send or read
            self.problems.append(str(rest))

    def orderStatus(self, orderId, status, *rest):  # noqa: N802, N803
        """A status with why the order is held."""
        said = f"{status} {rest[7]}".strip()
        if self.statuses[orderId][-1:] != [said]:
            self.statuses[orderId].append(said)

    def until(self, condition, what):
        """Returns when the condition holds. Raises TimeoutError after 10 s, or for a problem."""
        for _ in range(2000):
            if condition():
                return
            if self.problems:
                break
            time.sleep(0.005)
        raise TimeoutError(f"{what}: {self.problems}")

    def ask(self, end, request, *values):
        """Sends a request and returns when its `end` is heard."""
        before = len(self.said[end])
        request(*values)
        self.until(lambda: len(self.said[end]) > before, end)

    def heard(self, name, request_id):
        """The arguments of a callback after the request's id, for one request."""
        return [rest for one, *rest in self.said[name] if one == request_id]

    def held(self):
        """Positions by symbol, asked for anew; those of nothing left out."""
        self.said["position"].clear()
        self.ask("positionEnd", self.reqPositions)
        self.cancelPositions()
        rows = self.said["position"]
        return [[stock.symbol, float(shares)] for _, stock, shares, _ in rows if shares]


def _hears(name):
    def hear(self, *values):
        self.said[name].append(values)

    return hear


for _name in HEARD:
    setattr(Client, _name, _hears(_name))


class Listen(logging.Handler):
    """Every error that the library logs is a problem."""

    def __init__(self, problems):
        super().__init__(logging.ERROR)
        self._problems = problems

    def emit(self, record):
        self._problems.append(f"{record.name}: {record.getMessage()}")


def start(port):
    """A connected client that has been told its account and its first order id."""
    client = Client()
    logging.getLogger("ibapi").addHandler(Listen(client.problems))
    client.connect("127.0.0.1", port, 5)
    threading.Thread(target=client.listen, daemon=True).start()
    client.until(lambda: client.said["nextValidId"] and client.said["managedAccounts"], "start")
    return client
