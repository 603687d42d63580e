"""Writes objects.json anew from a discovery document, or says how that differs from it.

    python -m passwright.google.schema DISCOVERY.json
    python -m passwright.google.schema --drift DISCOVERY.json

The second changes nothing: it prints a line for each difference. Exit 0: none,
1: some, 2: this is no discovery document of walletobjects.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passwright.google.schema import from_discovery
from passwright.google.schema.diff import drift

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TABLE = Path(__file__).with_name("objects.json")


def main(argv: Sequence[str] | None = None) -> int:
    """Write the table, or compare; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m passwright.google.schema", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("discovery", type=Path, help="Google's description of walletobjects v1 as JSON")
    parser.add_argument("--drift", action="store_true", help="compare, and write nothing")
    given = parser.parse_args(argv)
    try:
        made = from_discovery(json.loads(given.discovery.read_text("utf-8")))
    except (OSError, ValueError) as exc:
        parser.error(f"{given.discovery}: {exc}")
    if given.drift:
        ours = json.loads(TABLE.read_text("utf-8"))
        lines = list(drift(ours, made))
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return 1 if lines else 0
    TABLE.write_text(rendered(made), "utf-8")
    sys.stdout.write(f"{TABLE.name}: {len(made['objects'])} objects\n")
    return 0


def rendered(made: Mapping[str, Any]) -> str:
    """A table as JSON with a line for each member, so that changes of it read well."""
    objects = []
    for name, keys in made["objects"].items():
        members = ",\n".join(f"      {json.dumps(key)}: {json.dumps(facts)}" for key, facts in keys.items())
        objects.append(
            f"    {json.dumps(name)}: {{\n{members}\n    }}" if keys else f"    {json.dumps(name)}: {{}}"
        )
    head = [f'  "{key}": {json.dumps(made[key])},' for key in ("about", "outside")]
    return "\n".join(["{", *head, '  "objects": {', ",\n".join(objects), "  }", "}", ""])


if __name__ == "__main__":
    sys.exit(main())
