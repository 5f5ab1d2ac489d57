"""Thrift's compact protocol: data of another library is read, and written again byte for byte."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resma.writers.parquet.thrift import (
    BINARY,
    DOUBLE,
    I8,
    I16,
    I32,
    I64,
    LIST,
    MAP,
    STRUCT,
    TRUE,
    Struct,
    read_struct,
    write_struct,
)

_INTEGERS = {I16: 16, I32: 32, I64: 64}


def _values(kind: int, inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    if kind in _INTEGERS:
        limit = 2 ** (_INTEGERS[kind] - 1)
        return st.integers(-limit, limit - 1)
    return {TRUE: st.booleans(), I8: st.integers(0, 255), BINARY: st.binary(), STRUCT: inner}.get(
        kind, st.binary(min_size=8, max_size=8)
    )


def _structs(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    kinds = st.sampled_from([TRUE, I8, I16, I32, I64, DOUBLE, BINARY, STRUCT])
    single = kinds.flatmap(lambda kind: st.tuples(st.just(kind), _values(kind, inner)))
    many = kinds.flatmap(lambda kind: st.tuples(st.just(kind), st.lists(_values(kind, inner), max_size=20)))
    return st.dictionaries(st.integers(1, 32767), single | st.tuples(st.just(LIST), many), max_size=5)


@settings(max_examples=200, deadline=None)
@given(st.recursive(st.just({}), _structs, max_leaves=6))
def test_structs_survive_a_round_trip(struct: Struct) -> None:
    assert _bools_alike(read_struct(write_struct(struct))) == struct


def _bools_alike(struct: Struct) -> Struct:
    """A false field is read with the type that says so."""
    return {number: (TRUE if kind <= 2 else kind, _alike(kind, value)) for number, (kind, value) in struct.items()}


def _alike(kind: int, value: Any) -> Any:
    if kind == STRUCT:
        return _bools_alike(value)
    if kind == LIST:
        return value[0], [_alike(value[0], item) for item in value[1]]
    return value


def test_the_footer_of_another_library_comes_out_as_it_went_in() -> None:
    file = BytesIO()
    columns = {f"c{i}": pa.array([1, None, 3]) for i in range(20)}
    table = pa.table({**columns, "t": ["a", None, "ç"], "d": pa.array([1.5, None, 2.5])})
    pq.write_table(table, file, row_group_size=2, compression="zstd")
    data = file.getvalue()
    footer = data[-8 - int.from_bytes(data[-8:-4], "little") : -8]
    assert write_struct(read_struct(footer)) == footer
    assert read_struct(footer)[3] == (I64, 3)


def test_a_type_that_footers_lack_is_an_error() -> None:
    with pytest.raises(ValueError, match=f"Thrift type {MAP} is not supported"):
        read_struct(bytes([1 << 4 | MAP, 0, 0]))
