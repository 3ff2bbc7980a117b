"""What the gateway sends, field by field: the messages of API versions 157 to 176.

Source: the public clients' decoders (ib_insync `decoder.py`, the official API's `decoder.py`).
Orders and executions stand in order_answers.py.
"""

from __future__ import annotations

from sim.gateway.wire.layout import AnyPart, Layout, flag, number, rows, table, unset, whole, word
from sim.gateway.wire.order_answers import (
    COMPLETED_ORDER,
    CONTRACT,
    EXECUTION,
    OPEN_ORDER,
    contract_parts,
)
from sim.gateway.wire.words import UNSET_DOUBLE_TEXT

ID = whole("reqId", -1)
_NOT_KNOWN = UNSET_DOUBLE_TEXT


def _version(constant: int, before: int | None = None) -> AnyPart:
    return whole("version", constant, before=before) if before else whole("version", constant)


CONTRACT_DETAILS = Layout(
    10,
    "contractDetails",
    (
        _version(8, before=164),
        ID,
        word("symbol"),
        word("secType", "STK"),
        word("expiry"),
        number("strike"),
        word("right"),
        word("exchange"),
        word("currency"),
        word("localSymbol"),
        word("marketName"),
        word("tradingClass"),
        whole("conId"),
        number("minTick"),
        whole("mdSizeMultiplier", 1, before=164),
        word("multiplier"),
        word("orderTypes"),
        word("validExchanges"),
        whole("priceMagnifier", 1),
        whole("underConId"),
        word("longName"),
        word("primaryExchange"),
        word("contractMonth"),
        word("industry"),
        word("category"),
        word("subcategory"),
        word("timeZoneId"),
        word("tradingHours"),
        word("liquidHours"),
        word("evRule"),
        word("evMultiplier"),
        rows("secIds", word("tag"), word("value")),
        whole("aggGroup", 1),
        word("underSymbol"),
        word("underSecType"),
        word("marketRuleIds"),
        word("realExpirationDate"),
        word("stockType"),
        number("sizeMinTick", since=163, before=164),
        number("minSize", since=164),
        number("sizeIncrement", since=164),
        number("suggestedSizeIncrement", since=164),
    ),
)
ALL = table(
    Layout(
        1,
        "tickPrice",
        (_version(6), ID, whole("tickType"), number("price"), number("size"), whole("mask")),
    ),
    Layout(2, "tickSize", (_version(6), ID, whole("tickType"), number("size"))),
    Layout(
        3,
        "orderStatus",
        (
            whole("orderId"),
            word("status"),
            number("filled"),
            number("remaining"),
            number("avgFillPrice"),
            whole("permId"),
            whole("parentId"),
            number("lastFillPrice"),
            whole("clientId"),
            word("whyHeld"),
            number("mktCapPrice"),
        ),
    ),
    Layout(4, "error", (_version(2), ID, whole("code"), word("text"), word("advanced", since=166))),
    OPEN_ORDER,
    Layout(
        6,
        "accountValue",
        (_version(2), word("key"), word("value"), word("currency"), word("account")),
    ),
    Layout(
        7,
        "portfolioValue",
        (
            _version(8),
            *contract_parts("primaryExchange"),
            number("position"),
            number("marketPrice"),
            number("marketValue"),
            number("averageCost"),
            number("unrealizedPNL"),
            number("realizedPNL"),
            word("account"),
        ),
    ),
    Layout(8, "accountTime", (_version(1), word("time"))),
    Layout(9, "nextValidId", (_version(1), whole("orderId"))),
    CONTRACT_DETAILS,
    EXECUTION,
    Layout(15, "managedAccounts", (_version(1), word("accounts"))),
    Layout(
        17,
        "historicalData",
        (
            ID,
            word("start"),
            word("end"),
            rows(
                "bars",
                word("date"),
                number("open"),
                number("high"),
                number("low"),
                number("close"),
                number("volume"),
                number("average"),
                whole("barCount"),
            ),
        ),
    ),
    Layout(19, "scannerParameters", (_version(1), word("xml"))),
    Layout(
        20,
        "scannerData",
        (
            _version(3),
            ID,
            rows(
                "found",
                whole("rank"),
                whole("conId"),
                word("symbol"),
                word("secType", "STK"),
                word("expiry"),
                number("strike"),
                word("right"),
                word("exchange"),
                word("currency"),
                word("localSymbol"),
                word("marketName"),
                word("tradingClass"),
                word("distance"),
                word("benchmark"),
                word("projection"),
                word("legs"),
            ),
        ),
    ),
    Layout(45, "tickGeneric", (_version(6), ID, whole("tickType"), number("value"))),
    Layout(46, "tickString", (_version(6), ID, whole("tickType"), word("value"))),
    Layout(49, "currentTime", (_version(1), whole("time"))),
    Layout(52, "contractDetailsEnd", (_version(1), ID)),
    Layout(53, "openOrderEnd", (_version(1),)),
    Layout(54, "accountDownloadEnd", (_version(1), word("account"))),
    Layout(55, "execDetailsEnd", (_version(1), ID)),
    Layout(57, "tickSnapshotEnd", (_version(1), ID)),
    Layout(58, "marketDataType", (_version(1), ID, whole("marketDataType"))),
    Layout(
        59,
        "commissionReport",
        (
            _version(1),
            word("execId"),
            number("commission"),
            word("currency"),
            unset("realizedPNL", _NOT_KNOWN),
            unset("yield", _NOT_KNOWN),
            whole("yieldRedemptionDate"),
        ),
    ),
    Layout(
        61,
        "position",
        (_version(3), word("account"), *CONTRACT, number("position"), number("avgCost")),
    ),
    Layout(62, "positionEnd", (_version(1),)),
    Layout(
        63,
        "accountSummary",
        (_version(1), ID, word("account"), word("key"), word("value"), word("currency")),
    ),
    Layout(64, "accountSummaryEnd", (_version(1), ID)),
    Layout(
        73,
        "accountUpdateMulti",
        (
            _version(1),
            ID,
            word("account"),
            word("modelCode"),
            word("key"),
            word("value"),
            word("currency"),
        ),
    ),
    Layout(74, "accountUpdateMultiEnd", (_version(1), ID)),
    Layout(
        79,
        "symbolSamples",
        (
            ID,
            rows(
                "found",
                whole("conId"),
                word("symbol"),
                word("secType", "STK"),
                word("primaryExchange"),
                word("currency"),
                rows("derivatives", word("secType")),
                word("description", since=176),
                word("issuerId", since=176),
            ),
        ),
    ),
    Layout(
        81, "tickReqParams", (ID, number("minTick"), word("bboExchange"), whole("permissions", 3))
    ),
    Layout(83, "newsArticle", (ID, whole("articleType"), word("text"))),
    Layout(85, "newsProviders", (rows("providers", word("code"), word("name")),)),
    Layout(
        86,
        "historicalNews",
        (ID, word("time"), word("provider"), word("articleId"), word("headline")),
    ),
    Layout(87, "historicalNewsEnd", (ID, flag("hasMore"))),
    Layout(
        90,
        "historicalDataUpdate",
        (
            ID,
            whole("barCount"),
            word("date"),
            number("open"),
            number("close"),
            number("high"),
            number("low"),
            number("average"),
            number("volume"),
        ),
    ),
    Layout(
        93, "marketRule", (whole("ruleId"), rows("steps", number("lowEdge"), number("increment")))
    ),
    Layout(94, "pnl", (ID, number("daily"), number("unrealized"), number("realized"))),
    Layout(
        95,
        "pnlSingle",
        (
            ID,
            number("position"),
            number("daily"),
            number("unrealized"),
            number("realized"),
            number("value"),
        ),
    ),
    COMPLETED_ORDER,
    Layout(102, "completedOrdersEnd", ()),
)
BY_NUMBER = {one.number: one for one in ALL.values()}
