"""One session, step by step: seat, state, broker, reconciliation, conversation, end.

A crash between any two steps leaves protective legs at the broker, a ledger that opens, and a next
start that reconciles.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

import guardrails
from desk.book import Book
from desk.day import day_start, trading_day
from desk.hands import Hands
from desk.reconcile import reconcile
from desk.seat import SeatTaken, seat
from desk.standing import standing
from desk.view import Viewer
from edges.claude import Claude
from edges.clock import WallClock
from edges.errors import EdgeError, NotServing, OutcomeUnknown, Refused
from guardrails.terms import Market, State
from ledger import Ledger, LedgerError
from session import model as models
from session import prompts, world
from session.ending import Exit, Stop
from session.floor import Floor
from session.loop import Bounds, Conversation, Ending
from session.money import Meter
from session.monitor import Monitor
from session.report import Report
from session.settings import Settings
from session.wake import wake_variables
from session.world import FarEnd, Scene
from sim import clock as virtual
from tools import Toolset, schemas
