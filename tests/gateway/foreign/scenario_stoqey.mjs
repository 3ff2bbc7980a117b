// The scenario with @stoqey/ib, without any of our code; prints one JSON object.
// Started as `node scenario_stoqey.mjs PORT` in the folder that holds the client's node_modules.
// What the keys mean stands in expected.py.

import { createRequire } from "node:module";

const { IBApi, EventName, ScanCode } = createRequire(`${process.cwd()}/`)("@stoqey/ib");

const SHARES = 10;
const HK_LOT = 200;
const TAGS = ["NetLiquidation", "BuyingPower", "AvailableFunds"];
const [BID, ASK, LAST] = [1, 2, 4];
const UNKNOWN = 1e300; // amounts above are the largest double: not known

// What was heard

const said = {}; // by event: a list of its arguments
const statuses = {}; // by order id, repeated ones once
const codes = {}; // by request or order id; -1 holds the notices
const problems = [];
let wake = () => {};

const ib = new IBApi({ host: "127.0.0.1", port: Number(process.argv[2]), maxReqPerSec: 1000 });

function listen() {
  for (const name of Object.values(EventName)) {
    said[name] = [];
    ib.on(name, (...values) => {
      said[name].push(values);
      wake();
    });
  }
  ib.on(EventName.orderStatus, (id, status, ...rest) => {
    const now = `${status} ${rest[7] ?? ""}`.trim();
    statuses[id] ??= [];
    if (statuses[id].at(-1) !== now) statuses[id].push(now);
  });
  ib.on(EventName.info, (_, code) => (codes[-1] ??= []).push(code));
  ib.on(EventName.error, (error, code, id) => {
    // The library's own codes, 501 to 599, tell what it could not send, read, or use up.
    if (code >= 501 && code < 600) problems.push(`${code}: ${error.message}`);
    else (codes[id] ??= []).push(code);
  });
  process.on("uncaughtException", (error) => {
    problems.push(error.stack);
    wake();
  });
}

/** Returns when the condition holds. Throws after 10 s, or for a problem. */
async function until(condition, what) {
  const end = Date.now() + 10_000;
  while (!condition()) {
    if (problems.length || Date.now() > end) throw new Error(`${what}: ${problems} ${JSON.stringify(codes)}`);
    await new Promise((resolve) => {
      wake = resolve;
      setTimeout(resolve, 100);
    });
  }
}

/** Makes a request and returns when its end is heard. */
async function ask(end, request) {
  const before = said[end].length;
  request();
  await until(() => said[end].length > before, end);
}

/** The arguments of an event after the request's id, for one request. */
const heard = (name, id) => said[name].filter((row) => row[0] === id).map((row) => row.slice(1));

/** What is held, asked for anew. */
async function held() {
  said.position = [];
  await ask("positionEnd", () => ib.reqPositions());
  ib.cancelPositions();
  return said.position.filter((row) => row[2]).map((row) => [row[1].symbol, row[2]]);
}

/** The amounts of some tags, from rows of tag, value, currency. */
const amounts = (rows) =>
  Object.fromEntries(rows.filter((row) => TAGS.includes(row[0]) && row[2] === "USD"));

const rounded = (price) => Number(price.toFixed(2));

const limit = (action, shares, price, terms = {}) => ({
  action,
  totalQuantity: shares,
  orderType: "LMT",
  lmtPrice: price,
  tif: "DAY",
  transmit: true,
  ...terms,
});

// The scenario

/** Steps 2 and 3: contract details, market rule, bars. */
async function contracts(found) {
  const stocks = [];
  const asked = [
    [101, "us", "ARDN", "SMART", "USD"],
    [102, "hk", "733", "SEHK", "HKD"],
  ];
  for (const [id, key, symbol, exchange, currency] of asked) {
    const stock = { symbol, secType: "STK", exchange, currency };
    await ask("contractDetailsEnd", () => ib.reqContractDetails(id, stock));
    const [[row]] = heard("contractDetails", id);
    found[key] = {
      con_id: row.contract.conId,
      lot: row.minSize,
      rules: row.marketRuleIds,
      exchanges: row.validExchanges,
      name: row.longName,
      zone: row.timeZoneId,
      hours: row.tradingHours,
    };
    stocks.push(row.contract);
  }
  const [us, hk] = stocks;
  await ask("marketRule", () => ib.reqMarketRule(Number(found.us.rules.split(",")[0])));
  found.rule = said.marketRule[0][1].map((step) => [step.lowEdge, step.increment]);
  const wanted = [
    [103, "bars", us, "2 D", "5 mins"],
    [104, "days", us, "10 D", "1 day"],
    [105, "hk_days", hk, "10 D", "1 day"],
  ];
  for (const [id, key, stock, length, size] of wanted) {
    ib.reqHistoricalData(id, stock, "", length, size, "TRADES", true, 1, false);
    const isEnd = (row) => String(row[0]).startsWith("finished");
    await until(() => heard("historicalData", id).some(isEnd), key);
    const bars = heard("historicalData", id).filter((row) => !isEnd(row));
    found[key] = [bars.length, bars.at(-1)[4]];
  }
  return stocks;
}

/** Step 3: a quote once, and one that is kept up to date until it is cancelled. */
async function quotes(us, found) {
  const known = (id) => {
    const prices = new Map(heard("tickPrice", id).map(([kind, price]) => [kind, price]));
    return [BID, ASK, LAST].map((kind) => prices.get(kind));
  };
  await ask("tickSnapshotEnd", () => ib.reqMktData(106, us, "", true, false));
  found.quote = known(106);
  ib.reqMktData(107, us, "", false, false);
  await until(() => !known(107).includes(undefined), "stream");
  found.stream = known(107);
  ib.cancelMktData(107);
}

/** Step 4: summary, updates, multi, positions. */
async function account(found) {
  const name = found.account;
  await ask("accountSummaryEnd", () => ib.reqAccountSummary(108, "All", TAGS.join(",")));
  found.summary = amounts(heard("accountSummary", 108).map((row) => row.slice(1)));
  ib.cancelAccountSummary(108);
  await ask("accountDownloadEnd", () => ib.reqAccountUpdates(true, name));
  found.updates = amounts(said.updateAccountValue.map((row) => row.slice(0, 3)));
  await ask("accountUpdateMultiEnd", () => ib.reqAccountUpdatesMulti(109, name, "", false));
  found.multi = amounts(heard("accountUpdateMulti", 109).map((row) => row.slice(2)));
  ib.cancelAccountUpdatesMulti(109);
  found.held_at_start = (await held()).map(([symbol]) => symbol);
  ib.reqPnL(110, name, ""); // its last word is read at the end
}

/** Step 5: scanner, news, symbols, a what-if order, the time. */
async function questions(us, found) {
  const scan = {
    numberOfRows: 5,
    instrument: "STK",
    locationCode: "STK.US.MAJOR",
    scanCode: ScanCode.TOP_PERC_GAIN,
  };
  await ask("scannerDataEnd", () => ib.reqScannerSubscription(111, scan));
  ib.cancelScannerSubscription(111);
  found.scan = heard("scannerData", 111).map((row) => row[1].contract.symbol);
  await ask("scannerParameters", () => ib.reqScannerParameters());
  found.knows_scan = said.scannerParameters[0][0].includes("TOP_PERC_GAIN");
  await ask("newsProviders", () => ib.reqNewsProviders());
  found.providers = said.newsProviders[0][0].map((one) => one.providerCode);
  const providers = found.providers.join("+");
  await ask("historicalNewsEnd", () => ib.reqHistoricalNews(112, us.conId, providers, "", "", 5));
  const [[, provider, article, headline]] = heard("historicalNews", 112);
  await ask("newsArticle", () => ib.reqNewsArticle(115, provider, article));
  found.headline = headline;
  found.article = said.newsArticle[0][2];
  await ask("symbolSamples", () => ib.reqMatchingSymbols(113, "ARD"));
  found.matches = said.symbolSamples[0][1].map((one) => one.contract.symbol);
  const probe = limit("BUY", SHARES, found.quote[1], { whatIf: true });
  await ask("openOrder", () => ib.placeOrder(found.next_id, us, probe));
  const state = said.openOrder.at(-1)[3];
  found.what_if = [state.initMarginChange, state.maintMarginChange, state.commission];
  await ask("currentTime", () => ib.reqCurrentTime());
  found.today = new Date(said.currentTime[0][0] * 1000).toISOString().slice(0, 10);
}

/** What is open: order and state by order id. */
async function openOrders() {
  said.openOrder = [];
  await ask("openOrderEnd", () => ib.reqAllOpenOrders());
  return new Map(said.openOrder.map(([id, , order, state]) => [id, [order, state]]));
}

/** What an open order says of itself, from its beginning to its end. */
const echo = (order) => [
  ...[order.lmtPrice, order.tif, order.account, order.orderRef, order.outsideRth],
  ...[order.ocaType, order.algoStrategy, order.whatIf],
  ...[order.isOmsContainer, order.discretionaryUpToLimitPrice],
];

const row = (order, state) => [order.orderType, order.action, state.status];

/** Step 6: three legs; the entry fills at once, the stop when it is moved over the price. */
async function bracket(us, found) {
  const tick = found.rule.at(-1)[1];
  const [, ask, last] = found.quote;
  const [parent, target, stop] = [1, 2, 3].map((n) => found.next_id + n);
  const exits = { parentId: parent, tif: "GTC" };
  const stopOrder = (price) => ({
    ...limit("SELL", SHARES, undefined, { ...exits, orderType: "STP", auxPrice: price }),
  });
  ib.placeOrder(parent, us, limit("BUY", SHARES, rounded(ask + 5 * tick), { transmit: false }));
  const high = { ...exits, transmit: false };
  ib.placeOrder(target, us, limit("SELL", SHARES, rounded(last * 1.2), high));
  ib.placeOrder(stop, us, stopOrder(rounded(last * 0.8)));
  const isAtWork = () =>
    statuses[target]?.at(-1) === "Submitted" && statuses[stop]?.at(-1) === "PreSubmitted trigger";
  await until(isAtWork, "exits at work");
  found.held = await held();
  const rows = new Map(said.updatePortfolio.map(([stock, shares]) => [stock.symbol, shares]));
  found.portfolio = [...rows];
  ib.reqPnLSingle(116, found.account, "", us.conId);
  found.open = [...(await openOrders()).values()].map((pair) => row(...pair)).sort();
  ib.placeOrder(stop, us, stopOrder(rounded(last + 5 * tick)));
  await until(() => codes[target] && statuses[stop].at(-1) === "Filled", "stop filled");
  found.statuses = {
    parent: statuses[parent],
    target: statuses[target],
    stop: statuses[stop],
  };
  found.codes = { target: codes[target] };
}

/** Step 6: what was done, what it cost and brought, and that nothing is held any more. */
async function executions(found) {
  said.commissionReport = [];
  await ask("execDetailsEnd", () => ib.reqExecutions(114, {}));
  const done = heard("execDetails", 114).map(([, one]) => one);
  found.fills = done.map((one) => [one.side, one.shares, one.price]);
  await until(() => said.commissionReport.length === done.length, "commissions");
  found.commissions = said.commissionReport.map(([one]) => [
    one.commission,
    one.realizedPNL < UNKNOWN ? one.realizedPNL : null,
  ]);
  found.held_at_end = (await held()).map(([symbol]) => symbol);
}

/** Step 7: an unknown id, a price off the tick, a new price, a global cancel. */
async function refusals(us, hk, found) {
  const last = found.quote[2];
  ib.cancelOrder(999_999);
  await until(() => codes[999_999], "10147");
  const [crooked, resting, abroad] = [4, 5, 6].map((n) => found.next_id + n);
  ib.placeOrder(crooked, us, limit("BUY", SHARES, rounded(last * 0.8) + 0.003));
  await until(() => statuses[crooked], "110");
  const terms = { tif: "GTC", outsideRth: true, orderRef: "scenario" };
  ib.placeOrder(resting, us, limit("BUY", SHARES, rounded(last * 0.8), terms));
  ib.placeOrder(abroad, hk, limit("BUY", HK_LOT, found.hk_days[1]));
  await until(() => statuses[resting] && statuses[abroad], "resting");
  ib.placeOrder(resting, us, limit("BUY", SHARES, rounded(last * 0.7), terms));
  found.echo = echo((await openOrders()).get(resting)[0]);
  ib.reqGlobalCancel();
  const isOver = (id) => codes[id]?.includes(202);
  await until(() => isOver(resting) && isOver(abroad), "global cancel");
  for (const [key, id] of Object.entries({ crooked, resting, abroad })) {
    found.statuses[key] = statuses[id];
    found.codes[key] = codes[id];
  }
  found.codes.unknown = codes[999_999];
  await ask("completedOrdersEnd", () => ib.reqCompletedOrders(false));
  found.completed = said.completedOrder.map(([, order, state]) => row(order, state)).sort();
}

/** Step 4: the last word of the P&L streams, of the account and of the stock. */
async function gains(found) {
  const last = (name) => said[name].at(-1).slice(1);
  await until(() => last("pnl")[2] < 0 && last("pnlSingle").at(-1) === 0, "pnl");
  found.pnl = last("pnl");
  const [position, , unrealised, realised] = last("pnlSingle");
  found.pnl_single = [position, unrealised, realised];
}

async function main() {
  listen();
  ib.connect(5);
  await until(() => said.nextValidId.length && said.managedAccounts.length, "start");
  const found = {
    version: ib.serverVersion,
    account: said.managedAccounts[0][0],
    next_id: said.nextValidId[0][0],
  };
  const [us, hk] = await contracts(found);
  await quotes(us, found);
  await account(found);
  await questions(us, found);
  await bracket(us, found);
  await executions(found);
  await refusals(us, hk, found);
  await gains(found);
  found.notices = codes[-1];
  found.problems = [...problems];
  ib.disconnect();
  console.log(JSON.stringify(found));
  process.exit(0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
