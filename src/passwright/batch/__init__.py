"""Many passes: rows in, archives and links out, resumable, on any executor.

    from passwright import batch

    maker = batch.PassMaker(pw.Template.load("coffee-club"), apple=pw.apple.PassBuilder(identity))
    with batch.Ledger("passes.ledger") as ledger:
        summary = batch.package(maker, batch.read("members.csv"), batch.Zip("passes.zip"), ledger=ledger)

A row becomes a pass and, by the builders that make single passes, the bytes of a .pkpass, a save link, or
both. A ledger records what was written, so an interrupted run resumes where it stopped. Memory does not
grow with the rows.
"""

from __future__ import annotations

from passwright.batch.ledger import Ledger
from passwright.batch.outputs import Discard, Folder, Links, Output, Tar, Zip
from passwright.batch.pass_maker import PassMaker, RowResult
from passwright.batch.rows import BadRow, Row, read, read_csv, read_json_lines
from passwright.batch.runner import Progress, Summary, package

__all__ = [
    "BadRow",
    "Discard",
    "Folder",
    "Ledger",
    "Links",
    "Output",
    "PassMaker",
    "Progress",
    "Row",
    "RowResult",
    "Summary",
    "Tar",
    "Zip",
    "package",
    "read",
    "read_csv",
    "read_json_lines",
]
