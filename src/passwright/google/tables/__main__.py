"""Writes objects.json anew: python -m passwright.google.tables DISCOVERY.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from passwright.google.tables import from_discovery


def main() -> None:
    """Read the discovery document named on the command line and write the table beside this file."""
    made = from_discovery(json.loads(Path(sys.argv[1]).read_text("utf-8")))
    target = Path(__file__).with_name("objects.json")
    lines = ["{", f'  "about": {json.dumps(made["about"])},', '  "objects": {']
    objects = []
    for name, keys in made["objects"].items():
        members = ",\n".join(f"      {json.dumps(key)}: {json.dumps(facts)}" for key, facts in keys.items())
        objects.append(
            f"    {json.dumps(name)}: {{\n{members}\n    }}" if keys else f"    {json.dumps(name)}: {{}}"
        )
    lines += [",\n".join(objects), "  }", "}", ""]
    target.write_text("\n".join(lines), "utf-8")
    sys.stdout.write(f"{target.name}: {len(objects)} objects\n")


if __name__ == "__main__":
    main()
