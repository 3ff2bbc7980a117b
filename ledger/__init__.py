"""The record: what was asked, ruled, sent and filled, in SQLite. Facts are only ever added.

    with Ledger.open(path) as ledger:
        ledger.add_step(...)

Each fact is one durable commit, unless inside `with ledger.transaction():`.
"""

from ledger.facts import Ledger
from ledger.opening import LedgerError
from ledger.reads import OpenIntent, Reader

__all__ = ["Ledger", "LedgerError", "OpenIntent", "Reader"]
