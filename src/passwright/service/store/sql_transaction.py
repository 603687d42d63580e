"""A transaction of the SQL store: what each of its methods says to the database."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import exc

from passwright.binding.lifecycle import State
from passwright.errors import AlreadyExists, NotFound, StaleBinding, StoreError, StoreUnavailable
from passwright.schema.formats import is_text
from passwright.service.store import sql_tables
from passwright.service.store.protocol import (
    ApiKey,
    Download,
    Event,
    Organisation,
    Page,
    PassFilter,
    PassStatus,
    StoredBinding,
    StoredPass,
    StoredResponse,
    StoredTemplate,
    Transaction,
)
from passwright.service.store.sql_rows import (
    address_in,
    binding_in,
    columns_of,
    members_of,
    pass_in,
    slot_for,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.engine import Connection

__all__ = ["SqlTransaction", "failures"]


@contextmanager
def failures() -> Iterator[None]:
    """Errors of the database as ours. Their texts hold statements and values, so they go no further."""
    try:
        yield
    except exc.IntegrityError:
        raise AlreadyExists("there is one already, or what it belongs to is missing") from None
    except (exc.OperationalError, exc.TimeoutError, exc.InterfaceError):
        raise StoreUnavailable("the database can't be reached, is locked or full: try again later") from None
    except exc.DatabaseError:
        raise StoreError("the database can't be used as it is: is it damaged?") from None


class SqlTransaction(Transaction):
    """A `Transaction` on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.purged = False

    # --- organisations and keys ---

    def organisation(self, organisation: str) -> Organisation | None:
        row = self._one(sql_tables.organisations, id=organisation)
        return row and Organisation(**row)

    def put_organisation(self, organisation: Organisation) -> None:
        values = {"name": organisation.name, "binding": organisation.binding}
        if not self._change(sql_tables.organisations, values, id=organisation.id):
            self._add(sql_tables.organisations, id=organisation.id, **values)

    def organisations(self) -> Sequence[Organisation]:
        table = sql_tables.organisations
        rows = self._execute(sa.select(table).order_by(table.c.name, table.c.id)).mappings()
        return [Organisation(**row) for row in rows]

    def api_keys(self) -> Sequence[ApiKey]:
        table = sql_tables.api_keys
        rows = self._execute(sa.select(table).order_by(table.c.created_at, table.c.id)).mappings()
        return [ApiKey(**row) for row in rows]

    def api_key(self, key_hash: bytes) -> ApiKey | None:
        row = self._one(sql_tables.api_keys, key_hash=key_hash)
        return row and ApiKey(**row)

    def add_api_key(self, key: ApiKey) -> None:
        self._add(sql_tables.api_keys, **members_of(key))

    def revoke_api_key(self, organisation: str, key: str, *, at: datetime) -> None:
        row = self._one(sql_tables.api_keys, organisation=organisation, id=key)
        if row is None:
            raise NotFound("there is no such key")
        if row["revoked_at"] is None:
            self._change(sql_tables.api_keys, {"revoked_at": at}, id=key)

    # --- templates ---

    def template(self, organisation: str, template: str) -> StoredTemplate | None:
        row = self._one(sql_tables.templates, organisation=organisation, id=_text(template))
        return row and StoredTemplate(**row)

    def templates(self, organisation: str, page: Page) -> tuple[Sequence[StoredTemplate], int]:
        table = sql_tables.templates
        columns = [column for column in table.c if column.name != "archive"]
        where = table.c.organisation == organisation
        rows, total = self._page(table, columns, where, page)
        return [StoredTemplate(archive=b"", **row) for row in rows], total

    def add_template(self, template: StoredTemplate) -> None:
        self._add(sql_tables.templates, **members_of(template))

    def change_template(self, was: StoredTemplate, now: StoredTemplate) -> None:
        same = {"id": was.id, "organisation": was.organisation, "version": was.version}
        if not self._change(sql_tables.templates, members_of(now), **same):
            raise StaleBinding("the template changed since it was read")

    # --- passes ---

    def pass_(self, organisation: str, name: str) -> StoredPass | None:
        row = self._one(sql_tables.passes, organisation=organisation, id=_text(name))
        return pass_in(row) if row else self._by_ext_id(organisation, _text(name))

    def _by_ext_id(self, organisation: str, ext_id: str) -> StoredPass | None:
        """Returns the live pass, otherwise the latest of the nullified: nullifying twice is not a mistake."""
        table = sql_tables.passes
        ended = table.c.status == PassStatus.NULLIFIED.value
        query = (
            sa.select(table)
            .where(table.c.organisation == organisation, table.c.ext_id == ext_id)
            .order_by(ended, table.c.created_at.desc(), table.c.id.desc())
            .limit(1)
        )
        row = self._execute(query).mappings().first()
        return pass_in(row) if row else None

    def pass_by_link(self, link_hash: bytes) -> StoredPass | None:
        row = self._one(sql_tables.passes, link_hash=link_hash)
        return row and pass_in(row)

    def pass_of(self, pass_id: str) -> StoredPass | None:
        row = self._one(sql_tables.passes, id=pass_id)
        return row and pass_in(row)

    def passes(
        self, organisation: str, pass_filter: PassFilter, page: Page
    ) -> tuple[Sequence[StoredPass], int]:
        table, bound = sql_tables.passes, sql_tables.bindings
        where = [table.c.organisation == organisation]
        if pass_filter.status is not None:
            where.append(table.c.status == pass_filter.status.value)
        if pass_filter.template is not None:
            where.append(table.c.template == _text(pass_filter.template))
        if pass_filter.ext_id is not None:
            where.append(table.c.ext_id == _text(pass_filter.ext_id))
        theirs = sa.exists().where(bound.c.pass_id == table.c.id)
        if pass_filter.platform is not None:
            where.append(theirs.where(bound.c.platform == pass_filter.platform))
        if pass_filter.bound is not None:
            in_force = theirs.where(bound.c.state.in_([state.value for state in State if state.bound]))
            where.append(in_force if pass_filter.bound else ~in_force)
        rows, total = self._page(table, list(table.c), sa.and_(*where), page)
        return [pass_in(row) for row in rows], total

    def add_pass(self, pass_: StoredPass) -> None:
        self._add(sql_tables.passes, **members_of(pass_))

    def change_pass(self, was: StoredPass, now: StoredPass) -> None:
        same = {"id": was.id, "organisation": was.organisation, "version": was.version}
        if not self._change(sql_tables.passes, members_of(now), **same):
            raise StaleBinding("the pass changed since it was read")

    # --- bindings ---

    def knows_credential(self, credential_id: str) -> bool:
        return self._one(sql_tables.bindings, credential_id=credential_id) is not None

    def binding(self, pass_id: str) -> StoredBinding | None:
        return self.bindings([pass_id]).get(pass_id)

    def bindings(self, pass_ids: Sequence[str]) -> Mapping[str, StoredBinding]:
        table, slots = sql_tables.bindings, sql_tables.addresses
        here = sa.and_(slots.c.pass_id == table.c.pass_id, slots.c.live == 1)
        query = sa.select(table, slots.c.slot).join_from(table, slots, here, isouter=True)
        rows = self._execute(query.where(table.c.pass_id.in_(pass_ids))).mappings()
        return {row["pass_id"]: binding_in(row) for row in rows}

    def add_binding(self, binding: StoredBinding) -> None:
        self._add(sql_tables.bindings, **columns_of(binding))
        if binding.address is not None:
            slot = slot_for(binding.address)
            owner = {"pass_id": binding.pass_id, "organisation": binding.organisation}
            self._add(sql_tables.addresses, **owner, live=1, slot=slot)

    def change_binding(self, was: StoredBinding, now: StoredBinding) -> None:
        table = sql_tables.bindings
        same = sa.and_(
            table.c.pass_id == was.pass_id,
            table.c.organisation == was.organisation,
            table.c.version == was.status.version,
            table.c.platform.is_not_distinct_from(was.status.platform),
        )
        changed = self._execute(sa.update(table).where(same).values(columns_of(now)))
        if changed.rowcount != 1:
            raise StaleBinding("the binding changed since it was read")
        if was.address is not None and now.address is None:
            self._purge(now.pass_id)

    def _purge(self, pass_id: str) -> None:
        slots = sql_tables.addresses
        here = slots.c.pass_id == pass_id
        length = self._execute(sa.select(sa.func.length(slots.c.slot)).where(here)).scalar()
        if length is not None:
            zeros = {"live": 0, "slot": bytes(length)}
            self._execute(sa.update(slots).where(here).values(zeros))
            self.purged = True

    def addresses(self, *, after: str, limit: int) -> Sequence[tuple[str, str, bytes]]:
        slots = sql_tables.addresses
        query = (
            sa.select(slots.c.organisation, slots.c.pass_id, slots.c.slot)
            .where(slots.c.live == 1, slots.c.pass_id > after)
            .order_by(slots.c.pass_id)
            .limit(limit)
        )
        rows = self._execute(query)
        return [(row.organisation, row.pass_id, address_in(row.slot).sealed) for row in rows]

    def reseal(self, pass_id: str, was: bytes, now: bytes) -> bool:
        row = self._one(sql_tables.addresses, pass_id=pass_id, live=1)
        if row is None or address_in(row["slot"]).sealed != was:
            return False
        slot = slot_for(replace(address_in(row["slot"]), sealed=now), length=len(row["slot"]))
        return self._change(sql_tables.addresses, {"slot": slot}, pass_id=pass_id, slot=row["slot"])

    # --- events, tickets, answers ---

    def events(self, pass_id: str) -> Sequence[Event]:
        table = sql_tables.events
        query = sa.select(table).where(table.c.pass_id == pass_id).order_by(table.c.id)
        rows = self._execute(query).mappings()
        return [Event(**{name: row[name] for name in row if name != "id"}) for row in rows]

    def count_events(self, pass_id: str, kind: str, *, since: datetime, until: datetime) -> int:
        table = sql_tables.events
        where = (table.c.pass_id == pass_id, table.c.kind == kind, table.c.at.between(since, until))
        return self._count(table, *where)

    def add_event(self, event: Event) -> None:
        self._add(sql_tables.events, **members_of(event))

    def download(self, token_hash: bytes) -> Download | None:
        row = self._one(sql_tables.downloads, token_hash=token_hash)
        return row and Download(**row)

    def add_download(self, download: Download) -> None:
        self._add(sql_tables.downloads, **members_of(download))

    def use_download(self, token_hash: bytes, *, at: datetime) -> bool:
        return self._change(sql_tables.downloads, {"used_at": at}, token_hash=token_hash, used_at=None)

    def answer(self, organisation: str, key_hash: bytes, *, since: datetime) -> StoredResponse | None:
        row = self._one(sql_tables.answers, organisation=organisation, key_hash=key_hash)
        return StoredResponse(**row) if row and row["created_at"] >= since else None

    def add_answer(self, answer: StoredResponse) -> None:
        self._add(sql_tables.answers, **members_of(answer))

    def sweep(self, *, answers_before: datetime, downloads_before: datetime) -> None:
        answers, downloads = sql_tables.answers, sql_tables.downloads
        self._execute(sa.delete(answers).where(answers.c.created_at < answers_before))
        self._execute(sa.delete(downloads).where(downloads.c.expires_at < downloads_before))

    # --- statements ---

    def _execute(self, statement: sa.Executable) -> sa.CursorResult[Any]:
        with failures():
            return self._connection.execute(statement)

    def _one(self, table: sa.Table, **where: Any) -> Any:
        query = sa.select(table).where(*_equal(table, where))
        return self._execute(query).mappings().first()

    def _add(self, table: sa.Table, **values: Any) -> None:
        self._execute(sa.insert(table).values(values))

    def _change(self, table: sa.Table, values: Mapping[str, Any], **where: Any) -> bool:
        """Changes a row, and returns False if there is none."""
        query = sa.update(table).where(*_equal(table, where)).values(values)
        return self._execute(query).rowcount == 1

    def _page(
        self, table: sa.Table, columns: list[sa.Column[Any]], where: sa.ColumnElement[bool], page: Page
    ) -> tuple[Sequence[sa.RowMapping], int]:
        newest = (table.c.created_at.desc(), table.c.id.desc())
        query = sa.select(*columns).where(where).order_by(*newest).limit(page.size).offset(page.offset)
        return self._execute(query).mappings().all(), self._count(table, where)

    def _count(self, table: sa.Table, *where: sa.ColumnElement[bool]) -> int:
        return int(self._execute(sa.select(sa.func.count()).select_from(table).where(*where)).scalar_one())


def _text(name: str) -> str:
    """Returns a name as databases accept it: half of a surrogate pair names nothing."""
    return name if is_text(name) else ""


def _equal(table: sa.Table, where: Mapping[str, Any]) -> Iterator[sa.ColumnElement[bool]]:
    for name, value in where.items():
        yield table.c[name] == value
