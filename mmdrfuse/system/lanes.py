"""Eight numbers as one value, for compiled loops that LLVM does not vectorise by itself.

LLVM vectorises loops along a few rows. It leaves loops alone that read and write at many places, because it cannot know
that these do not overlap. With values of eight numbers each step is a vector instruction, whatever is around it: one
with AVX-512, two with AVX2, four with SSE2.

In compiled functions ``+ - * /``, ``abs``, ``min``, ``max`` and ``math.sqrt`` take such values; the first four also mix
them with floats. To a type checker they are floats.
"""

import builtins
import math
import operator
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

from mmdrfuse.system.compiling import compiled

LANES = 8

Groups = npt.NDArray[np.float64]
"""(..., 8), contiguous: groups of eight numbers."""

Numba = Any
"""An object of numba or llvmlite, which have no types."""

_VECTOR = ir.VectorType(ir.DoubleType(), LANES)


class _Lanes(types.Type):
    def __init__(self) -> None:
        super().__init__(name="Lanes")


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Numba, kind: Numba) -> None:
        super().__init__(manager, kind, _VECTOR)  # type: ignore[no-untyped-call]


_lanes: Numba = _Lanes()
_intrinsic: Numba = intrinsic


def _loading(_: Numba, groups: Numba, position: Numba) -> Numba:
    def generate(context: Numba, builder: Numba, signature: Numba, arguments: Numba) -> Numba:
        return builder.load(_address(context, builder, signature, arguments), align=8)

    return _lanes(groups, types.intp), generate


def _storing(_: Numba, groups: Numba, position: Numba, value: Numba) -> Numba:
    def generate(context: Numba, builder: Numba, signature: Numba, arguments: Numba) -> Numba:
        builder.store(arguments[2], _address(context, builder, signature, arguments), align=8)
        return context.get_dummy_value()

    return types.void(groups, types.intp, _lanes), generate


def _address(context: Numba, builder: Numba, signature: Numba, arguments: Numba) -> Numba:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(builder.bitcast(array.data, _VECTOR.as_pointer()), [arguments[1]])


def _spreading(_: Numba, number: Numba) -> Numba:
    def generate(_context: Numba, builder: Numba, _signature: Numba, arguments: Numba) -> Numba:
        undefined = ir.Constant(_VECTOR, ir.Undefined)
        index = ir.IntType(32)
        first = builder.insert_element(undefined, arguments[0], index(0))
        return builder.shuffle_vector(first, undefined, ir.Constant(ir.VectorType(index, LANES), [0] * LANES))

    return _lanes(types.float64), generate


load: Callable[[Groups, int], float] = _intrinsic(_loading)
"""Return the group at a position, counted in groups from the start of the array; nothing checks that there is one."""

store: Callable[[Groups, int, float], None] = _intrinsic(_storing)
"""Write a group to a position, counted as `load` does."""


def _zipping(order: list[int]) -> Callable[[float, float], float]:
    def typed(_: Numba, x: Numba, y: Numba) -> Numba:
        def generate(_context: Numba, builder: Numba, _signature: Numba, arguments: Numba) -> Numba:
            return builder.shuffle_vector(*arguments, ir.Constant(ir.VectorType(ir.IntType(32), LANES), order))

        return _lanes(x, y), generate

    operation: Callable[[float, float], float] = _intrinsic(typed)
    return operation


# the first, and the last four numbers of two groups in turn
_zip_low = _zipping([0, 8, 1, 9, 2, 10, 3, 11])
_zip_high = _zipping([4, 12, 5, 13, 6, 14, 7, 15])

spread: Callable[[float], float] = _intrinsic(_spreading)
"""Return eight times the same number."""


def _unary(name: str) -> Callable[[float], float]:
    def typed(_: Numba, x: Numba) -> Numba:
        return _lanes(x), partial(_instruction, name)

    operation: Callable[[float], float] = _intrinsic(typed)
    return operation


def _binary(name: str) -> Callable[[float, float], float]:
    def typed(_: Numba, x: Numba, y: Numba) -> Numba:
        return _lanes(x, y), partial(_instruction, name)

    operation: Callable[[float, float], float] = _intrinsic(typed)
    return operation


def _instruction(name: str, _context: Numba, builder: Numba, _signature: Numba, arguments: Numba) -> Numba:
    if not name.startswith("llvm."):
        # a product and a sum may become one instruction, which rounds once
        return getattr(builder, name)(*arguments, flags=["contract"])
    function = ir.FunctionType(_VECTOR, [_VECTOR] * len(arguments))
    return builder.call(builder.module.declare_intrinsic(f"{name}.v{LANES}f64", fnty=function), arguments)


def _define_unary(function: Callable[..., object], name: str) -> None:
    instruction = _unary(name)

    @overload(function, strict=False)
    def _(x: Numba) -> Numba:
        return (lambda x: instruction(x)) if isinstance(x, _Lanes) else None


def _define_binary(function: Callable[..., object], name: str) -> None:
    instruction = _binary(name)

    @overload(function, strict=False)
    def _(x: Numba, y: Numba) -> Numba:
        match isinstance(x, _Lanes), isinstance(y, _Lanes):
            case True, True:
                return lambda x, y: instruction(x, y)
            case True, False:
                return lambda x, y: instruction(x, spread(y))
            case False, True:
                return lambda x, y: instruction(spread(x), y)
        return None


_define_unary(builtins.abs, "llvm.fabs")
_define_unary(math.sqrt, "llvm.sqrt")
_define_binary(builtins.min, "llvm.minnum")
_define_binary(builtins.max, "llvm.maxnum")
for _sign, _name in (("add", "fadd"), ("sub", "fsub"), ("mul", "fmul"), ("truediv", "fdiv")):
    _define_binary(getattr(operator, _sign), _name)
    _define_binary(getattr(operator, f"i{_sign}"), _name)


Eight = tuple[float, float, float, float, float, float, float, float]


@compiled()
def transpose(
    source: Groups, first: int, target: Groups, position: int, step: int = 1, lanes: tuple[int, int] = (0, LANES)
) -> None:
    """Write the columns of eight groups as eight groups.

    Args:
        source: (..., 8).
        first: Position of the first of eight groups that follow each other.
        target: (..., 8), written.
        position: Where its first column becomes a group.
        step: From there to the group of the second column, and so on.
        lanes: The first column to write, and the one after the last.
    """
    a, b, c, d = load(source, first), load(source, first + 1), load(source, first + 2), load(source, first + 3)
    e, f, g, h = load(source, first + 4), load(source, first + 5), load(source, first + 6), load(source, first + 7)
    columns = _zipped(*_zipped(*_zipped(a, b, c, d, e, f, g, h)))
    for lane in range(lanes[0], lanes[1]):
        store(target, position + step * lane, columns[lane])


@compiled()
def _zipped(a: float, b: float, c: float, d: float, e: float, f: float, g: float, h: float) -> Eight:
    # three times this is a transposition
    return (
        _zip_low(a, e), _zip_high(a, e), _zip_low(b, f), _zip_high(b, f),
        _zip_low(c, g), _zip_high(c, g), _zip_low(d, h), _zip_high(d, h),
    )  # fmt: skip


@compiled()
def add(groups: Groups, position: int, values: float) -> None:
    """Add eight numbers to the group at a position."""
    store(groups, position, load(groups, position) + values)
