"""What exchange_calendars says of two exchanges, as JSON; run in an environment of its own.

Prints {name: {"days": {day: [opens, breaks, resumes, closes]}, "early": [...], "late": [...]}},
times in UTC as ISO 8601, null where there is no break.
"""

import json
import sys
import warnings

warnings.filterwarnings("ignore")  # the library's own use of pandas

import exchange_calendars  # noqa: E402


def told(at):
    """An instant, or null."""
    return None if str(at) == "NaT" else at.isoformat()


def main(begin, end, *names):
    """Everything of the named calendars from begin to end."""
    found = {}
    for name in names:
        calendar = exchange_calendars.get_calendar(name, start=begin, end=end)
        found[name] = {
            "days": {
                row.Index.date().isoformat(): [
                    told(at) for at in (row.open, row.break_start, row.break_end, row.close)
                ]
                for row in calendar.schedule.itertuples()
            },
            "early": [day.date().isoformat() for day in calendar.early_closes],
            "late": [day.date().isoformat() for day in calendar.late_opens],
        }
    print(json.dumps(found))


main(*sys.argv[1:])
