"""The state of a writer as bytes: MessagePack that is read back into the very types that the writer has.

A state is a dataclass of plain values. Nothing that is read can run, and what does not have the types is refused.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

import msgspec

from resma.errors import CheckpointUnusableError

if TYPE_CHECKING:
    Numbers = array[int]
else:
    Numbers = array  # which has no parameters when the code runs

_TYPE_CODES = frozenset("HQ")
"""Of the arrays that states have: unsigned numbers of 2 and of 8 bytes."""


def dump_state(state: Any) -> bytes:
    """Returns a state as bytes."""
    return msgspec.msgpack.encode(state, enc_hook=_encode_array)


def load_state(data: bytes, new: Any) -> Any:
    """Reads what `dump_state` made; `new` is the state of a new writer of the same format and options.

    Raises CheckpointUnusableError for anything else.
    """
    try:
        return msgspec.msgpack.decode(data, type=_type_of(new), dec_hook=_decode_array)
    except (msgspec.MsgspecError, ValueError) as error:
        raise CheckpointUnusableError(f"The saved state of a file cannot be read: {error}") from error


def _type_of(state: Any) -> Any:
    """The type of a state; with the type of the state inside, where a compressor's state has one."""
    inner = getattr(state, "inner", None)
    return type(state) if inner is None else type(state)[_type_of(inner)]


def _encode_array(value: Any) -> bytes:
    if isinstance(value, array):
        return value.typecode.encode("ascii") + value.tobytes()
    raise NotImplementedError(f"{type(value).__name__} is not a plain value")


def _decode_array(type_: Any, value: Any) -> Any:
    code = chr(value[0]) if isinstance(value, bytes) and value else ""
    if type_ is not array or code not in _TYPE_CODES:
        raise ValueError(f"a value is not a {type_}")
    numbers: Numbers = array(code)
    numbers.frombytes(value[1:])
    return numbers
