"""A signature or certificate as a tree that can be changed and written again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from passwright.apple.cms import der

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Element:
    """An element of the signature in a form that can be changed: octets, or elements inside."""

    tag: int
    content: bytes = b""
    inner: tuple[Element, ...] = ()

    @classmethod
    def of(cls, node: der.Node) -> Element:
        if node.tag & der.CONSTRUCTED:
            return cls(node.tag, inner=tuple(map(cls.of, node.children())))
        return cls(node.tag, node.content)

    def encoded(self) -> bytes:
        return der.tlv(self.tag, self.content, *(one.encoded() for one in self.inner))


Path = tuple[int, ...]


def paths(element: Element, at: Path = ()) -> Iterator[Path]:
    """The place of every element, the outermost one aside."""
    for place, one in enumerate(element.inner):
        yield (*at, place)
        yield from paths(one, (*at, place))


def found(element: Element, path: Path) -> Element:
    for place in path:
        element = element.inner[place]
    return element


def exchanged(element: Element, path: Path, *others: Element) -> Element:
    """The tree with these in place of the element at `path`."""
    first, *rest = path
    here = exchanged(element.inner[first], tuple(rest), *others) if rest else None
    inner = (*element.inner[:first], *((here,) if here else others), *element.inner[first + 1 :])
    return replace(element, inner=inner)
