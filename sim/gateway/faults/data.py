"""Lies about contracts, calendars and the account, F36, F37 and F39."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby
from typing import Any

from sim.gateway.faults.fault import Answer, Fault, Request, Speaker
from sim.gateway.wire.layout import Packed
from sim.gateway.wire.words import UNSET_DOUBLE_TEXT

NO_CONTRACT = 200
OTHER_ID = 900_000_000  # added to a contract id that is not the true one


class F36(Fault):
    """A contract is ambiguous, unknown, or has another id than before.

    seconds: how long from the first such question; 0 is for ever.
    """

    name = "F36"
    scopes = ("symbol", "client")
    settings = {"kind": ("ambiguous", "unknown", "changed"), "seconds": 0.0}

    def swallows(self, request: Request) -> bool:
        session = request.session
        if request.name != "reqContractDetails" or not self.lasts(
            symbol=self.symbol_asked(request), client=session.client_id
        ):
            return False
        if self.setting("kind") != "unknown":
            return False
        words = "No security definition has been found for the request"
        session.error(request.values["reqId"], NO_CONTRACT, words)
        return True

    def answers(self, session: Speaker, answer: Answer) -> Iterable[Answer]:
        kind, values = self.setting("kind"), answer.values
        is_meant = self.is_on and self.covers(symbol=values.get("symbol"), client=session.client_id)
        if answer.name != "contractDetails" or not is_meant:
            return (answer,)
        other = answer.but(conId=values["conId"] + OTHER_ID)
        return (answer, other) if kind == "ambiguous" else (other,)


def _commas(hours: str) -> str:
    """Trading hours with the sessions of one day joined by a comma."""
    days = groupby(hours.split(";"), key=lambda session: session[:8])
    return ";".join(",".join(sessions) for _, sessions in days)


def _closed(hours: str) -> str:
    """The same days, none of them a trading day."""
    days = dict.fromkeys(session[:8] for session in hours.split(";"))
    return ";".join(f"{day}:CLOSED" for day in days)


class F37(Fault):
    """Price steps or trading hours that are not the exchange's, or times in a zone nobody knows.

    kind: wrong_rule, steps of half the size; commas, the two sessions of a day in one; closed,
    every day; zone, in contracts, bars and executions. seconds: how long; 0 is for ever.
    """

    name = "F37"
    scopes = ("symbol", "client")
    settings = {
        "kind": ("wrong_rule", "commas", "closed", "zone"),
        "seconds": 0.0,
        "zone": "Mars/Olympus",
    }

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self._asked: dict[tuple[Speaker, int], str] = {}  # the symbol of each request for bars

    def swallows(self, request: Request) -> bool:
        if request.name == "reqHistoricalData":
            key = (request.session, request.values["reqId"])
            self._asked[key] = self.symbol_asked(request)
        return False

    def left_by(self, session: Speaker) -> None:
        self._asked = {key: symbol for key, symbol in self._asked.items() if key[0] is not session}

    def answers(self, session: Speaker, answer: Answer) -> Iterable[Answer]:
        changes = self._changes(session, answer)
        if changes is None:
            return (answer,)
        symbol = self._symbol(session, answer)
        if not self.lasts(symbol=symbol, client=session.client_id):
            return (answer,)
        return (answer.but(**changes),)

    def _symbol(self, session: Speaker, answer: Answer) -> str | None:
        values = answer.values
        if answer.name == "marketRule":
            listings = self.stage.exchange.by_con_id.values()
            fits = {one.symbol for one in listings if one.market_rule_id == values["ruleId"]}
            return self.plan.symbol if self.plan.symbol in fits else None
        if answer.name.startswith("historicalData"):
            return self._asked.get((session, values["reqId"]))
        return str(values["symbol"])

    def _changes(self, session: Speaker, answer: Answer) -> dict[str, Any] | None:
        """What is told in place of the truth; None where the kind says nothing about it."""
        values = answer.values
        match self.setting("kind"), answer.name:
            case "wrong_rule", "marketRule":
                halved = [
                    {**step, "increment": Decimal(step["increment"]) / 2}
                    for step in values["steps"]
                ]
                return {"steps": halved}
            case ("commas" | "closed") as kind, "contractDetails":
                change = _commas if kind == "commas" else _closed
                return {key: change(values[key]) for key in ("tradingHours", "liquidHours")}
            case "zone", name:
                return self._zoned(name, answer)
        return None

    def _zoned(self, name: str, answer: Answer) -> dict[str, Any] | None:
        zone, values = self.setting("zone"), answer.values
        if name == "contractDetails":
            return {"timeZoneId": zone}
        if name == "execDetails":
            return {"time": f"{' '.join(values['time'].split()[:2])} {zone}"}
        bars = values.get("bars")
        if name != "historicalData" or not isinstance(bars, Packed):
            return None
        true = values["start"].partition(" ")[2].partition(" ")[2]
        return {"bars": Packed(bars.count, bars.fields.replace(f" {true}\0", f" {zone}\0"))}


class F39(Fault):
    """Account values that stand still, are missing, are never set, or only those in HKD.

    kind: stale; missing, the rows of `tag`; pnl_unset, the largest double; hkd_only, of cash and
    exchange rates only the rows in HKD. seconds: how long; 0 is for ever.
    """

    name = "F39"
    settings = {
        "kind": ("stale", "missing", "pnl_unset", "hkd_only"),
        "tag": "AvailableFunds",
        "seconds": 0.0,
    }
    rows = ("accountValue", "accountUpdateMulti", "accountSummary")
    streams = ("pnl", "pnlSingle")
    amounts = ("daily", "unrealized", "realized", "value")

    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self._stood: dict[tuple[str, str], str] = {}  # what stale values stand at

    def answers(self, session: Speaker, answer: Answer) -> Iterable[Answer]:
        kind = self.setting("kind")
        if answer.name not in (self.streams if kind == "pnl_unset" else self.rows):
            return (answer,)
        if not self._lasts_for(session, answer):
            return (answer,)
        if kind == "pnl_unset":
            unset = {key: UNSET_DOUBLE_TEXT for key in self.amounts if key in answer.values}
            return (answer.but(**unset),)
        return self._row(kind, answer)

    def _lasts_for(self, session: Speaker, answer: Answer) -> bool:
        """A strike begins with the first row of all, so that no list is half true."""
        if self.is_on or answer.name in self.streams:
            return self.lasts(client=session.client_id)
        rows = self.stage.exchange.account_values()
        if (answer.values["key"], answer.values["currency"]) != (rows[0][0], rows[0][2]):
            return False
        self._stood = {(tag, currency): value for tag, value, currency in rows}
        return self.lasts(client=session.client_id)

    def _row(self, kind: str, answer: Answer) -> Iterable[Answer]:
        tag, currency = answer.values["key"], answer.values["currency"]
        if kind == "stale":
            return (answer.but(value=self._stood.get((tag, currency), answer.values["value"])),)
        if kind == "missing":
            return () if tag == self.setting("tag") else (answer,)
        is_foreign = tag in ("CashBalance", "ExchangeRate") and currency != "HKD"
        return () if is_foreign else (answer,)
