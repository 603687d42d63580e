"""The constraints between the members of one object, as entries that test the whole object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from passwright.report import Severity
from passwright.schema.constraints import Constraint, member_pointer
from passwright.schema.formats import Pending, describe_type, fits_style

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from passwright.schema.model import Member

__all__ = ["absence_constraints", "group_constraints", "sibling_constraints", "style_constraint"]


def absence_constraints(members: Mapping[str, Member]) -> Iterator[Constraint]:
    """Yields the constraints on objects that lack a member."""
    for name, member in members.items():
        if member.keywords.get("required") and name != "*":
            yield Constraint(
                lambda owner, name=name: name in owner,  # type: ignore[misc]
                "missing-key",
                member.severity("required"),
                lambda *_, name=name: f"the key {name!r} is missing",
            )
        else:
            for keyword, equal in (("required_if", True), ("required_unless", False)):
                for other, value in member.keywords.get(keyword, {}).items():
                    yield _condition(member, keyword, other, value, equal=equal)


def _condition(member: Member, keyword: str, other: str, value: object, *, equal: bool) -> Constraint:
    name = member.name

    def accepts(owner: Mapping[str, Any]) -> bool:
        actual = owner.get(other)
        if name in owner or actual is None or isinstance(actual, Pending):
            return True
        return (actual == value) is not equal

    return Constraint(
        accepts,
        "missing-key",
        member.severity(keyword),
        lambda *_: f"the key {name!r} is missing, {other} asks for it",
    )


def group_constraints(
    groups: Mapping[str, tuple[str, ...]], members: Mapping[str, Member]
) -> Iterator[Constraint]:
    """Yields the constraints on objects that lack the member of a group, or have several."""
    for group, names in groups.items():
        yield Constraint(
            lambda owner, names=names: any(name in owner for name in names),  # type: ignore[misc]
            "missing-key",
            members[names[0]].severity("group"),
            lambda *_, group=group, names=names: f"one {group} key is needed: {', '.join(names)}",
        )
        for index, extra in enumerate(names[1:], 1):
            yield _exclusion(extra, names[:index], Severity.ERROR)


def _exclusion(name: str, others: Sequence[str], severity: Severity) -> Constraint:
    """Returns the constraint that a member does not stand beside any of `others`."""

    def accepts(owner: Mapping[str, Any]) -> bool:
        return name not in owner or not any(other in owner for other in others)

    def message(_: str, owner: Mapping[str, Any]) -> str:
        return f"{name} can't stand beside {next(other for other in others if other in owner)}"

    return Constraint(accepts, "keys-exclude", severity, message, below=member_pointer(name))


def sibling_constraints(member: Member, members: Mapping[str, Member]) -> Iterator[Constraint]:
    """Yields the constraints of a member on the members beside it."""
    keywords, name = member.keywords, member.name
    for other in keywords.get("requires", ()):
        yield Constraint(
            lambda owner, other=other: other in owner,  # type: ignore[misc]
            "key-needs-key",
            member.severity("requires"),
            lambda *_, other=other: f"{name} needs {other} beside it",
            below=member_pointer(name),
        )
    for other in keywords.get("excludes", ()):
        # Of two members that exclude each other, the first by name yields the finding.
        if other > name or name not in members[other].keywords.get("excludes", ()):
            yield _exclusion(name, (other,), member.severity("excludes"))
    if "allowed_beside" in keywords:
        for other in members.values():
            if other.keywords.get("group") and other.name not in keywords["allowed_beside"]:
                yield _exclusion(name, (other.name,), member.severity("allowed_beside"))
    if style := style_constraint(member):
        yield style


def style_constraint(member: Member) -> Constraint | None:
    """Returns the constraint of a formatting member on the `value` beside it."""
    wanted, name = member.keywords.get("with_value"), member.name
    if not wanted:
        return None
    return Constraint(
        lambda owner: fits_style(wanted, owner.get("value")),
        "style-misfit",
        Severity.ERROR,
        lambda _, owner: (
            f"{name} works with a {wanted} only, the value is {describe_type(owner.get('value'))}"
        ),
        f"give a {wanted}, or leave {name} out",
        below=member_pointer(name),
    )
