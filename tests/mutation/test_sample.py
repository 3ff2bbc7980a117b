"""No slip of the pen goes unnoticed: swapped sides and roundings, dropped checks and relations."""

import subprocess
import sys

from tests.mutation.serving import ROOT


def test_every_mutant_of_the_sample_is_killed():
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutation", "--sample"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
