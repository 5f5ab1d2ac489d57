"""Hypothesis strategies for cells of kinds that Postgres prints in a form of its own: floats, times, intervals, ..."""

from __future__ import annotations

from datetime import datetime, time
from decimal import Decimal

from hypothesis import strategies as st

Strategies = tuple[st.SearchStrategy[str], ...]


def print_float(number: float) -> str:
    """Prints a float as Postgres does: with the fewest digits that identify it, and an exponent if it is large."""
    if number != number or number in {float("inf"), float("-inf")}:  # noqa: PLR0124  # NaN is not equal to itself
        return {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}[str(number)]
    exact = Decimal(repr(number)).normalize()
    exponent = exact.adjusted()
    if number == 0 or -5 < exponent < 15:
        return f"{exact:f}"
    mantissa = f"{exact.scaleb(-exponent):f}"
    return f"{mantissa}e{exponent:+03d}"


def print_time(value: time | datetime) -> str:
    """Prints a time without trailing zeros in its fraction."""
    return f"{value:%H:%M:%S}" + (f".{value.microsecond:06d}".rstrip("0") if value.microsecond else "")


def print_local(value: datetime) -> str:
    """Prints a timestamp without time zone."""
    return f"{value.date().isoformat()} {print_time(value)}"


def print_interval(months: int, days: int, microseconds: int) -> str:
    """Prints an interval (intervalstyle iso_8601)."""
    seconds, fraction = divmod(abs(microseconds), 1_000_000)
    sign = -1 if microseconds < 0 else 1
    date = [(_signed(months, 12), "Y"), (_remainder(months, 12), "M"), (days, "D")]
    clock = [(sign * (seconds // 3600), "H"), (sign * (seconds // 60 % 60), "M")]
    whole = f"{seconds % 60}" + (f".{fraction:06d}".rstrip("0") if fraction else "")
    parts = "".join(f"{count}{unit}" for count, unit in date if count)
    rest = "".join(f"{count}{unit}" for count, unit in clock if count)
    if float(whole):
        rest += f"{'-' if sign < 0 else ''}{whole}S"
    return f"P{parts}{f'T{rest}' if rest else ''}" if parts or rest else "PT0S"


def _signed(number: int, divisor: int) -> int:
    return abs(number) // divisor * (-1 if number < 0 else 1)


def _remainder(number: int, divisor: int) -> int:
    return abs(number) % divisor * (-1 if number < 0 else 1)


_LOCAL_2024 = st.datetimes(datetime(2024, 1, 1), datetime(2024, 12, 31)).map(  # noqa: DTZ001  # no time zone
    lambda value: print_local(value.replace(microsecond=0))
)
_UNUSUAL_LOCAL = st.sampled_from(["infinity", "-infinity", "0044-03-15 10:00:00 BC", "10000-01-01 00:00:00"])
_DAY = 86_400_000_000

FURTHER_CELLS: dict[str, Strategies] = {
    "float": (
        st.sampled_from(["1.5", "0.1", "-12", "123456.79"]),
        st.floats(allow_nan=False, allow_infinity=False).map(print_float),
        st.sampled_from(["NaN", "Infinity", "-Infinity", "-0", "5e-324", "1.7976931348623157e+308"]),
    ),
    "boolean": (st.sampled_from(["true", "false"]),),
    "local_timestamp": (_LOCAL_2024, st.datetimes().map(print_local), _UNUSUAL_LOCAL),
    "time": (
        st.times().map(lambda value: print_time(value.replace(microsecond=0))),
        st.times().map(print_time),
        st.just("24:00:00"),
    ),
    "interval": (
        st.integers(0, _DAY // 1_000_000).map(lambda seconds: print_interval(0, 0, seconds * 1_000_000)),
        st.builds(print_interval, st.integers(-30, 30), st.integers(-40, 40), st.integers(-2 * _DAY, 2 * _DAY)),
        st.sampled_from(["infinity", "-infinity", "PT-0.5S", "P-1Y-2M3DT-4H", "PT9999H59M59S", "PT10000H"]),
    ),
    "uuid": (st.uuids().map(str),),
    "binary": (st.binary(max_size=8).map(lambda data: f"\\x{data.hex()}"),),
}
"""By kind: usual cells, any cells, and special values."""
