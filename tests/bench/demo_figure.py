"""Measures the whole demo on the embedded stack, from a client's POST to READY, first cold and then warm."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from infra.demo.load_demo_bank import load_demo_bank
from infra.errors import StackError
from infra.local.demo import Demo, make_demo_key, run_demo
from infra.local.stack import Options, Stack
from resma_cli.output import Output
from resma_cli.progress import OutputProgress
from tests.bench.goals import DEMO, HALF_A_MILLION
from tests.bench.results import Result
from tests.bench.rounds import Say


def measure_demo(say: Say, warm_runs: int) -> list[Result]:
    """Runs the demo on a stack of its own. If the stack does not start, the result's comment says so."""
    try:
        with (
            TemporaryDirectory(prefix="resma-bench-") as folder,
            Stack("bench/stack", Options(front_door_port=None), say) as stack,
        ):
            say(f"demo: creating its bank of {HALF_A_MILLION:,} transactions")
            load_demo_bank(stack.up.database_url, HALF_A_MILLION)
            key = make_demo_key(stack.up.database_url)
            demo = Demo(stack.up.api_url, key, stack.up.callback_secret, Path(folder), "PDF", HALF_A_MILLION)
            measured = [_run(demo, number, say) for number in range(warm_runs + 1)]
    except StackError as error:
        say(f"demo: {error}")
        return [Result(DEMO, "SYSTEM", HALF_A_MILLION, comment="failed, see above")]
    (cold, peak), warm = measured[0], measured[1:]
    seconds = [second for second, _ in warm]
    comment = "POST to READY, peak memory is the worker's"
    return [
        Result("resma demo PDF, cold", "SYSTEM", HALF_A_MILLION, cold, cold, peak, comment=comment),
        Result(DEMO, "SYSTEM", HALF_A_MILLION, min(seconds), median(seconds), max(p for _, p in warm), comment=comment),
    ]


def _run(demo: Demo, number: int, say: Say) -> tuple[float, float]:
    say(f"demo: {f'warm run {number}' if number else 'cold run'}")
    summary = run_demo(demo, OutputProgress(Output(as_json=False, is_quiet=True)))
    return summary.seconds_total, summary.peak_rss_mb
