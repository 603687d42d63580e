"""Passes that have nothing wrong with them, as nearly all have, taken at one look.

`take` takes one pass. `take_all` takes many that are alike, column by column: one
template made them and they give the same fields. What a program spends on each
pass is spent on a column of them then, and that is how a batch goes. Whatever is
not taken is for `check_pass`, which says what is wrong.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from passwright.definition import SERIAL, VALUES, bad_text, check_binding
from passwright.stencil import all_printable

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from passwright.stencil import Columns
    from passwright.template import Pass, Template

__all__ = ["in_groups", "prepare", "take", "take_all"]

Made = TypeVar("Made")


class _Part(Protocol):
    """What passes of one shape have in common, as a builder keeps it."""

    @property
    def failed(self) -> bool: ...


_PartT = TypeVar("_PartT", bound=_Part)
_Part_co = TypeVar("_Part_co", bound=_Part, covariant=True)


class _Prepared(Protocol[_Part_co]):
    """What passes of one template have in common, as a builder keeps it."""

    failed: bool

    @property
    def part(self) -> Callable[[frozenset[str]], _Part_co]: ...


def take(pass_: Pass) -> tuple[frozenset[str], dict[str, Any]] | None:
    """`Pass.shape` and `Pass.filled()` of a pass, or None. The template has to be right."""
    looks = _looks(pass_)
    return None if looks is None else looks.take(pass_)


def take_all(passes: Sequence[Pass]) -> tuple[frozenset[str], Columns] | set[int]:
    """The same of passes that are alike, as `in_groups` has them, or the places of some not taken."""
    looks = _looks(passes[0])
    return set(range(len(passes))) if looks is None else looks.take_all(passes)


def prepare(prepared: _Prepared[_PartT], passes: Sequence[Pass]) -> tuple[_PartT, Columns] | set[int]:
    """What a builder has `prepared` for passes that are alike, and their values; or places in doubt."""
    if prepared.failed:
        return set(range(len(passes)))
    if isinstance(taken := take_all(passes), set):
        return taken
    shape, columns = taken
    part = prepared.part(shape)
    return set(range(len(passes))) if part.failed else (part, columns)


One: TypeAlias = "Callable[[Pass], Made]"
Many: TypeAlias = "Callable[[Sequence[Pass]], list[Made] | set[int]]"


def in_groups(passes: Sequence[Pass], one: One[Made], many: Many[Made]) -> list[Made]:
    """What `one` makes of each pass, in their order, where `many` makes the same of passes that are alike.

    `many` may answer the places of some that take a closer look: these go to `one`, and
    it is asked about the others again.
    """
    groups: dict[Hashable, list[int]] = {}
    for at, pass_ in enumerate(passes):
        kind = _kind(pass_)
        groups.setdefault(at if kind is None else kind, []).append(at)
    if len(groups) == 1:
        return _of_group(passes, one, many)
    made: dict[int, Made] = {}
    for places in groups.values():
        made.update(zip(places, _of_group([passes[at] for at in places], one, many), strict=True))
    return [made[at] for at in range(len(passes))]


def _of_group(passes: Sequence[Pass], one: One[Made], many: Many[Made]) -> list[Made]:
    if len(passes) == 1:
        return [one(passes[0])]
    made = many(passes)
    if not isinstance(made, set):
        return made
    others = [pass_ for at, pass_ in enumerate(passes) if at not in made]
    rest = iter(_of_group(others, one, many) if others else ())
    return [one(pass_) if at in made else next(rest) for at, pass_ in enumerate(passes)]


def _kind(pass_: Pass) -> Hashable:
    """The same for passes that are alike; None for one that is like no other."""
    if pass_.binding is not None or _has_own(pass_):
        return None
    return pass_.template, pass_.expires is None, tuple(pass_.values)


def _has_own(pass_: Pass) -> bool:
    """The pass has messages or overrides of its own."""
    return pass_.nfc is not None or pass_.barcode is not None or bool(pass_.apple or pass_.google)


def _looks(pass_: Pass) -> _Looks | None:
    """Who looks at passes that give the same fields as this one."""
    names, kept = tuple(pass_.values), pass_.template.plan.looks
    try:
        looks: _Looks | None = kept[names]
    except KeyError:
        if len(kept) >= _MAX_KEPT:
            kept.clear()
        looks = kept[names] = _Looks.of(pass_.template, names)
    return looks


# More sets of fields than passes of one template give.
_MAX_KEPT = 64


class _Looks:
    """What passes of a template have in common that give the same fields: who looks at each, and shapes."""

    __slots__ = ("_looks", "_plan", "_shapes")

    def __init__(self, template: Template, names: tuple[str, ...]) -> None:
        self._looks = [VALUES.get(template.fields[name].type, bad_text) for name in names]
        self._plan = template.plan
        parts = template.nfc is not None, template.barcode is not None
        self._shapes = {
            (bound, ends): self._plan.shape(names, *parts, bound, ends)
            for bound in (False, True)
            for ends in (False, True)
        }

    @classmethod
    def of(cls, template: Template, names: tuple[str, ...]) -> _Looks | None:
        """None where passes with these fields have too many or too few of them."""
        given = {key: each for key, each in template.fields.items() if each.value is None}
        needed = {key for key, each in given.items() if each.default is None and not each.optional}
        return cls(template, names) if needed <= set(names) <= given.keys() else None

    def take(self, pass_: Pass) -> tuple[frozenset[str], dict[str, Any]] | None:
        serial, binding, expires, given = pass_.serial, pass_.binding, pass_.expires, pass_.values
        if not _is_serial(serial) or _has_own(pass_):
            return None
        for look, value in zip(self._looks, given.values(), strict=True):
            if look is bad_text and type(value) is str and value.isprintable():
                continue
            if value is None or look(value):
                return None
        if binding is not None and any(check_binding(binding)):
            return None
        if expires is not None and not _is_moment(expires):
            return None
        values = self._plan.values(serial, given, binding, expires)
        return self._shapes[binding is not None, expires is not None], values

    def take_all(self, passes: Sequence[Pass]) -> tuple[frozenset[str], Columns] | set[int]:
        serials = [pass_.serial for pass_ in passes]
        if doubtful := _others_than(_is_serial, serials):
            return doubtful
        given = [*zip(*[pass_.values.values() for pass_ in passes], strict=True)]
        for look, column in zip(self._looks, given, strict=True):
            if not (look is bad_text and all_printable([column])) and any(map(look, column)):
                return {at for at, value in enumerate(column) if look(value)}
        expires = [pass_.expires for pass_ in passes]
        if (ends := expires[0] is not None) and (doubtful := _others_than(_is_moment, expires)):
            return doubtful
        columns = self._plan.columns(serials, dict(zip(passes[0].values, given, strict=True)), expires)
        return self._shapes[False, ends], columns


def _others_than(is_right: Callable[[Any], object], column: Sequence[Any]) -> set[int]:
    if all(map(is_right, column)):
        return set()
    return {at for at, value in enumerate(column) if not is_right(value)}


def _is_serial(value: object) -> bool:
    return type(value) is str and SERIAL.match(value) is not None


def _is_moment(value: object) -> bool:
    return type(value) is datetime and value.utcoffset() is not None
