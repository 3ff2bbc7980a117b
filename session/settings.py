"""config.yaml, environment and command line as one frozen value, or one line that says why not.

Precedence: command line > environment (AGENT_<SECTION>__<KEY>) > config.yaml. There are no defaults
in code. Overrides of a limit may only tighten it: one stray variable must not loosen the desk.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from dotenv import dotenv_values
from pydantic import BaseModel, Field, ValidationError

from guardrails.limits import (
    Breaker,
    Count,
    CountOrNone,
    Limits,
    Number,
    Positive,
    Relation,
    Section,
    Stops,
    Switch,
    contradictions,
    incoherences,
)
from session.ending import Exit, Stop
from session.loosening import loosened

PREFIX = "AGENT_"
# Continuous trading: SEHK 09:30-12:00 and 13:00-16:00, US 09:30-16:00; the shortest sessions are
# Hong Kong's morning, which is all of a half day there, and the US day that closes at 13:00.
DAY_MINUTES = {"HK": 330, "US": 390}
SHORTEST_SESSION_MINUTES = {"HK": 150, "US": 210}
# What the sections beside limits, stops and breaker owe each other.
RELATIONS = (
    Relation("session.usd_max", "<=", "budget.usd_day_max", "a session is a part of its day"),
    Relation("budget.usd_day_max", "<=", "budget.usd_month_max", "a day is a part of its month"),
    Relation(
        "watch.stop_rest_seconds_max",
        "<",
        "watch.interval_seconds",
        "a look would find an order whose stop may still be on its way",
    ),
    Relation(
        "watch.interval_seconds",
        "<=",
        "watch.order_sync_seconds",
        "orders are synced in a look, so no more often than it comes",
    ),
    Relation(
        "watch.order_sync_seconds",
        "<=",
        "watch.reconcile_minutes x 60",
        "a reconciliation is a sync and more",
    ),
    Relation(
        "watch.reconcile_minutes x 60",
        "<=",
        "limits.reconcile_age_seconds_max",
        "every entry would be refused before the next reconciliation is due",
    ),
    Relation(
        "watch.interval_seconds x 2",
        "<=",
        "limits.keeper_age_seconds_max",
        "one late look of the keeper would refuse every entry",
    ),
    Relation(
        "limits.quote_age_seconds_max",
        "<=",
        "watch.interval_seconds",
        "an entry would pass on a quote older than the one that guards it",
    ),
    Relation(
        "ibkr.timeout_seconds",
        "<",
        "session.seconds_max",
        "one late answer would take the whole session",
    ),
    Relation("scan.candidates", "<=", "scan.rows", "the rest is never asked for"),
    Relation(
        "ibkr.client_id",
        "!=",
        "ibkr.data_client_id",
        "the second connection would push out the first",
    ),
    Relation("ibkr.paper_port", "!=", "ibkr.live_port", "paper would send real orders"),
)
WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,12}")
_SECTIONS = ("limits", "stops", "watch", "session", "budget", "scan", "ibkr")


class MarketRules(Section):
    """One market: whether the desk trades it, and whose hours tell when it is open."""

    enabled: Switch
    hours_symbol: str


class Markets(Section):
    """The markets of this desk."""

    HK: MarketRules
    US: MarketRules


class Watch(Section):
    """How often the desk looks, and how long legs may take to rest."""

    interval_seconds: Positive
    order_sync_seconds: Positive
    reconcile_minutes: Positive
    stop_rest_seconds_max: Positive


class SessionBounds(Section):
    """How far one session may go."""

    turns_max: Count
    seconds_max: Positive
    usd_max: Positive
    output_tokens_max: Count


class PriceRow(Section):
    """A model's price per million tokens in USD, from a day on."""

    from_day: date = Field(alias="from")
    input: Number
    cache_write: Number
    cache_read: Number
    output: Number


class Budget(Section):
    """Caps over sessions, and what tokens cost."""

    usd_day_max: Positive
    usd_month_max: Positive
    prices: dict[str, tuple[PriceRow, ...]]


class Scan(Section):
    """How wide the scan looks."""

    rows: Count
    candidates: Count
    price_min: Positive


class Alerts(Section):
    """Where alerts go."""

    urls: tuple[str, ...]


class Ibkr(Section):
    """The gateway."""

    host: str
    paper_port: Count
    live_port: Count
    client_id: Count
    data_client_id: Count
    timeout_seconds: Positive


class Live(Section):
    """What live trading needs."""

    account: str
    paper_days_min: CountOrNone


class Settings(Section):
    """Every setting of one run."""

    broker: Literal["sim", "paper", "live"]
    model: str = Field(min_length=1)
    markets: Markets
    limits: Limits
    stops: Stops
    breaker: Breaker
    watch: Watch
    session: SessionBounds
    budget: Budget
    scan: Scan
    alerts: Alerts
    ibkr: Ibkr
    live: Live
    state_dir: Path
    anthropic_api_key: str | None = Field(default=None, repr=False, exclude=True)
    anthropic_base_url: str | None = Field(default=None, repr=False, exclude=True)

    @property
    def sha256(self) -> str:
        """The fingerprint of the effective configuration, secrets apart."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


def load(
    path: Path, *, environ: Mapping[str, str], overrides: Mapping[str, Any] | None = None
) -> Settings:
    """The settings in force.

    overrides: dotted keys from the command line, {"session.turns_max": 8}.
    Raises Stop (exit 3) with one line: file, key, what was expected, what was found, what to do.
    """
    written = _read(path)
    merged = _merged(path, written, environ, overrides or {})
    settings = _validated(path, merged)
    _check_coherence(path, settings)
    _check_tightening(path, written, settings)
    if settings.broker == "live":
        raise _stop(path, "broker: live is locked in this version; use paper or sim")
    return settings


def _stop(path: Path, says: str) -> Stop:
    return Stop(Exit.CONFIGURATION, f"{path}: {says}")


class _Loader(yaml.SafeLoader):
    """YAML whose mappings may not name a key twice."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in found:
            line = key_node.start_mark.line + 1
            raise yaml.YAMLError(f"the key {key!r} stands twice, again on line {line}")
        found[key] = loader.construct_object(value_node, deep=True)
    return found


def _whole(loader: _Loader, node: yaml.ScalarNode) -> int | str:
    """A whole number in plain digits, or its text: YAML takes 1_000, 010 and 1:30 for numbers."""
    text = str(loader.construct_scalar(node))
    return int(text) if WHOLE.fullmatch(text) else text


def _decimal(loader: _Loader, node: yaml.ScalarNode) -> Decimal | str:
    """A decimal number in plain digits, or its text: a float would lose what was written."""
    text = str(loader.construct_scalar(node))
    return Decimal(text) if DECIMAL.fullmatch(text) else text


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
_Loader.add_constructor("tag:yaml.org,2002:int", _whole)
_Loader.add_constructor("tag:yaml.org,2002:float", _decimal)


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _stop(
            path, f"the configuration cannot be read ({error}); name it with --config"
        ) from error
    try:
        found = yaml.load(text, Loader=_Loader)
    except yaml.YAMLError as error:
        raise _stop(path, f"no valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(found, dict):
        raise _stop(path, f"a mapping of settings is expected, was {type(found).__name__}")
    return found


def _merged(
    path: Path, written: dict[str, Any], environ: Mapping[str, str], overrides: Mapping[str, Any]
) -> dict[str, Any]:
    """What is in force: the file, the environment over it, the command line over both."""
    merged: dict[str, Any] = {key: _copied(value) for key, value in written.items()}
    secrets = {**dotenv_values(path.parent / ".env"), **environ}
    for name in sorted(environ):
        if name.startswith(PREFIX):
            keys = [part.lower() for part in name.removeprefix(PREFIX).split("__")]
            _put(path, merged, keys, _scalar(environ[name]), name)
    for dotted, value in overrides.items():
        _put(path, merged, dotted.split("."), value, f"--{dotted}")
    if isinstance(state_dir := merged.get("state_dir"), str):
        merged["state_dir"] = str(path.parent / state_dir)
    merged["anthropic_api_key"] = secrets.get("ANTHROPIC_API_KEY") or None
    merged["anthropic_base_url"] = secrets.get("ANTHROPIC_BASE_URL") or None
    return merged


def _copied(value: Any) -> Any:
    return {key: _copied(one) for key, one in value.items()} if isinstance(value, dict) else value


def _scalar(text: str) -> Any:
    """An environment value as the YAML scalar or list it spells."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.YAMLError:
        return text


def _put(path: Path, settings: dict[str, Any], keys: list[str], value: Any, source: str) -> None:
    """Sets one existing key. Case is folded for the environment: HK stands as hk there."""
    place: Any = settings
    for depth, key in enumerate(keys):
        names = {str(name).lower(): name for name in place} if isinstance(place, dict) else {}
        name = names.get(key.lower())
        if name is None:
            known = [".".join([*keys[:depth], str(one)]) for one in names]
            raise _stop(path, _unknown(".".join(keys[: depth + 1]), known, source))
        if depth == len(keys) - 1:
            place[name] = value
            return
        place = place[name]


def _unknown(key: str, known: list[str], source: str = "") -> str:
    nearest = difflib.get_close_matches(key, known, n=1, cutoff=0.0)
    hint = f"; the nearest known one is {nearest[0]}" if nearest else ""
    return f"unknown key {key}{f' (from {source})' if source else ''}{hint}"


def _validated(path: Path, merged: dict[str, Any]) -> Settings:
    try:
        return Settings.model_validate(merged)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"]]
        key = ".".join(place)
        if first["type"] == "extra_forbidden":
            known = [".".join([*place[:-1], name]) for name in _known_keys(place[:-1])]
            raise _stop(path, _unknown(key, known)) from error
        if first["type"] == "missing":
            raise _stop(
                path, f"the key {key} is missing; every setting must stand there"
            ) from error
        said = first["msg"].removeprefix("Value error, ")
        found = first.get("input")
        raise _stop(path, f"{key}: {said}; was {found!r:.80}") from error


def _known_keys(place: list[str]) -> list[str]:
    model: Any = Settings
    for name in place:
        field = model.model_fields.get(name)
        model = field.annotation if field is not None else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            rows = [one for one in get_args(model) if isinstance(one, type)]
            model = rows[0] if rows and issubclass(rows[0], BaseModel) else None
        if model is None:
            return []
    secret = ("anthropic_api_key", "anthropic_base_url")
    return [field.alias or name for name, field in model.model_fields.items() if name not in secret]


def _check_coherence(path: Path, settings: Settings) -> None:
    found = incoherences(settings.limits, settings.stops, settings.breaker)
    relations = (*RELATIONS, *_market_relations(settings.markets))
    found += contradictions({name: getattr(settings, name) for name in _SECTIONS}, relations)
    if not any(market.enabled for _, market in settings.markets):
        found.append("markets.HK.enabled and markets.US.enabled are both false: nothing to trade")
    if found:
        raise _stop(path, f"contradictory settings: {found[0]}; change one of the two")


def _market_relations(markets: Markets) -> list[Relation]:
    """What the hours of each enabled market ask of the stops and limits."""
    return [
        relation
        for name, market in markets
        if market.enabled
        for relation in (
            Relation(
                "stops.hold_minutes_max + stops.close_before_close_minutes",
                "<",
                str(DAY_MINUTES[name]),
                f"so many minutes are traded in a day of markets.{name}",
            ),
            Relation(
                "limits.no_entry_before_close_minutes",
                "<",
                str(SHORTEST_SESSION_MINUTES[name]),
                f"so long is the shortest session of markets.{name}: no entry would pass in it",
            ),
        )
    ]


def _check_tightening(path: Path, written: dict[str, Any], settings: Settings) -> None:
    """Refuses an environment or command line that loosens a limit of the file.

    Nor may it mend one: against a file that is not valid by itself nothing can be told looser.
    """
    for name in ("limits", "stops", "breaker"):
        in_force = getattr(settings, name)
        try:
            in_file = type(in_force).model_validate(written.get(name))
        except ValidationError as error:
            key = ".".join([name, *(str(part) for part in error.errors()[0]["loc"])])
            raise _stop(path, f"{key} is not valid in the file; change it there") from error
        for key, before, after in loosened(in_file, in_force):
            raise _stop(
                path,
                f"{name}.{key} is {before} in the file and would be loosened to {after} by the "
                "environment or the command line; change it in the file",
            )
