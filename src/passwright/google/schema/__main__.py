"""Writes objects.json from a discovery document of Google, or compares the two.

    python -m passwright.google.schema DISCOVERY.json
    python -m passwright.google.schema --diff DISCOVERY.json

The second form writes no file, and prints a line for each difference. Exit code 0: there is no
difference, 1: there are differences, 2: the file is not a discovery document of walletobjects.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from passwright.google.schema import from_discovery
from passwright.google.schema.diff import schema_differences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OBJECTS = Path(__file__).with_name("objects.json")


def main(argv: Sequence[str] | None = None) -> int:
    """Writes or compares the schema, and returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m passwright.google.schema", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("discovery", type=Path, help="Google's description of walletobjects v1 as JSON")
    parser.add_argument("--diff", action="store_true", help="compare, and write nothing")
    options = parser.parse_args(argv)
    try:
        made = from_discovery(json.loads(options.discovery.read_text("utf-8")))
    except (OSError, ValueError) as exc:
        parser.error(f"{options.discovery}: {exc}")
    if options.diff:
        lines = list(schema_differences(json.loads(OBJECTS.read_text("utf-8")), made))
        sys.stdout.writelines(f"{line}\n" for line in lines)
        return 1 if lines else 0
    OBJECTS.write_text(render(made), "utf-8")
    sys.stdout.write(f"{OBJECTS.name}: {len(made['objects'])} objects\n")
    return 0


def render(made: Mapping[str, Any]) -> str:
    """Renders a schema as JSON with a line for each member, so that a diff shows the changed members."""
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
