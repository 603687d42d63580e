"""JSON documents with placeholders, serialised once and rendered per pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from passwright.documents.placeholders import Placeholder
from passwright.schema.pointers import join_pointer
from passwright.strict_json import dumps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from passwright.documents.placeholders import Values

__all__ = ["JsonTemplate"]


class JsonTemplate:
    """A JSON document with placeholders.

    What is constant is serialised when the template is made; a pass costs its own values only.
    `body` is the document with `Placeholder` objects in it, a copy of the one that was handed in.
    `placeholders` are all of them, each with its pointer (RFC 6901), in document order, and
    `computations` make their values. `text_format` is the JSON text with `%s` for each of them. For all
    values `loads(template.render(computed)) == template.document(computed)`.
    """

    __slots__ = ("_plan", "body", "computations", "placeholders", "text_format")

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body: dict[str, Any] = _copy(dict(body))
        self.placeholders: tuple[tuple[str, Placeholder], ...] = tuple(_placeholders(self.body, ""))
        self.computations = tuple(placeholder.compute for _, placeholder in self.placeholders)
        self.text_format = "".join(_format(self.body))
        self._plan = _plan(self.body)

    def compute(self, values: Values) -> list[Any]:
        """Computes the JSON values of the placeholders for one pass, in the order of `placeholders`."""
        return [compute(values) for compute in self.computations]

    def render(self, computed: Sequence[Any]) -> str:
        """Renders the document as compact JSON, with these values in the places of the placeholders."""
        return self.text_format % tuple(map(dumps, computed))

    def document(self, computed: Sequence[Any]) -> dict[str, Any]:
        """The document as Python values. Parts without a placeholder are shared: do not change them."""
        made: dict[str, Any] = _fill(self._plan, iter(computed))
        return made


def _copy(node: Any) -> Any:
    """Copies a document; tuples become lists, as JSON reads them back."""
    if isinstance(node, dict):
        return {name: _copy(value) for name, value in node.items()}
    if isinstance(node, (list, tuple)):
        return [_copy(value) for value in node]
    return node


def _below(node: Any) -> Iterable[tuple[Any, Any]]:
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if isinstance(node, list) else ()


def _placeholders(node: Any, pointer: str) -> Iterator[tuple[str, Placeholder]]:
    if isinstance(node, Placeholder):
        yield pointer, node
    for name, value in _below(node):
        yield from _placeholders(value, join_pointer(pointer, name))


@dataclass(frozen=True, slots=True)
class _Plan:
    """A node to copy, and the steps to the placeholders in it; a step with None is a placeholder itself."""

    node: dict[Any, Any] | list[Any]
    steps: tuple[tuple[Any, _Plan | None], ...]


def _plan(node: Any) -> _Plan:
    """The steps to the placeholders below a node."""
    steps: list[tuple[Any, _Plan | None]] = []
    for name, value in _below(node):
        if isinstance(value, Placeholder):
            steps.append((name, None))
        elif (plan := _plan(value)).steps:
            steps.append((name, plan))
    return _Plan(node, tuple(steps))


def _fill(plan: _Plan, values: Iterator[Any]) -> Any:
    made: Any = plan.node.copy()
    for name, below in plan.steps:
        made[name] = next(values) if below is None else _fill(below, values)
    return made


def _format(node: Any) -> Iterator[str]:
    """The JSON text of a document in pieces, with `%s` for each placeholder."""
    if isinstance(node, Placeholder):
        yield "%s"
    elif isinstance(node, dict):
        opening = "{"
        for name, value in node.items():
            yield f"{opening}{_escape_percent(name)}:"
            yield from _format(value)
            opening = ","
        yield "}" if node else "{}"
    elif isinstance(node, list):
        opening = "["
        for value in node:
            yield opening
            yield from _format(value)
            opening = ","
        yield "]" if node else "[]"
    else:
        yield _escape_percent(node)


def _escape_percent(value: Any) -> str:
    return dumps(value).replace("%", "%%")
