"""Serializes the state of a writer as MessagePack, and deserializes it into the same types.

A state is a dataclass of plain values. Deserialization executes no code, and rejects values of other types.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import msgspec

from resma.errors import CheckpointUnusableError

if TYPE_CHECKING:
    Numbers = array[int]
else:
    Numbers = array  # `array` does not accept type parameters at run time

_TYPE_CODES = frozenset("HQ")
"""Type codes of the arrays in states: unsigned integers of 2 and of 8 bytes."""


def dump_state(state: Any) -> bytes:
    """Serializes the state of a writer."""
    return msgspec.msgpack.encode(state, enc_hook=_encode_array)


def load_state(data: bytes, new: Any) -> Any:
    """Deserializes a state from `dump_state`. `new` is the state of a new writer of the same format and options.

    Raises CheckpointUnusableError if the data does not match the types of `new`.
    """
    try:
        return msgspec.msgpack.decode(data, type=_type_of(new), dec_hook=_decode_array)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CheckpointUnusableError(f"The saved state of a file cannot be read: {error}") from error


def _type_of(state: Any) -> Any:
    """Returns the type of a state. For a compressor's state, the type of its inner state is a type argument."""
    inner = getattr(state, "inner", None)
    return type(state) if inner is None else type(state)[_type_of(inner)]


def _encode_array(value: Any) -> bytes:
    if isinstance(value, array):
        return value.typecode.encode("ascii") + value.tobytes()
    raise NotImplementedError(f"A state cannot contain a value of type {type(value).__name__}. Use a plain value.")


def _decode_array(type_: Any, value: Any) -> Any:
    code = chr(value[0]) if isinstance(value, bytes) and value else ""
    if type_ is not array or code not in _TYPE_CODES:
        raise ValueError(f"A value is not of type {type_}.")
    numbers: Numbers = array(code)
    numbers.frombytes(value[1:])
    return numbers
