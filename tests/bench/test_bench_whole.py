"""What a user waits for: whole commands, process start to exit."""

import subprocess
import sys

import pytest

from tests.test_agent import ROOT, Agent, clean_environment


@pytest.fixture
def agent(tmp_path):
    return Agent(tmp_path)


def test_status(benchmark, agent):
    agent.json("run", "--seed", "3")
    benchmark.pedantic(lambda: agent.json("status"), rounds=7)


def test_a_session_start_to_exit(benchmark, agent):
    benchmark.pedantic(lambda: agent.json("run", "--seed", "3"), rounds=5)


def test_a_session_on_real_minutes(benchmark, agent, shared_data):
    words = ("run", "--market", shared_data / "us_1min", "--day", "2019-12-18")
    benchmark.pedantic(lambda: agent.json(*words), rounds=3)


def test_a_session_and_the_rest_of_its_day(benchmark, agent):
    benchmark.pedantic(lambda: agent.json("run", "--seed", "3", "--until-close"), rounds=3)


def test_imports_alone(benchmark):
    code = "import session.run"
    benchmark.pedantic(
        lambda: subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, check=True, env=clean_environment()
        ),
        rounds=5,
    )
