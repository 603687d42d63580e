"""Draws docs/layers.svg from the table of layers in tests/test_layers.py: `python docs/layers.py`."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.test_layers import LAYERS  # noqa: E402 -- found through the line above

WIDTH, ROW, GAP, BOX_GAP = 860, 34, 10, 8
COLOURS = ("#eef2f7", "#e3ecf7", "#d8e6f7")


def draw() -> str:
    """Returns the picture as SVG: a row for each layer, the lowest at the bottom."""
    height = len(LAYERS) * (ROW + GAP) + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"',
        ' font-family="ui-sans-serif, system-ui, sans-serif" font-size="14">',
        "<title>Layers of Passwright</title>",
        "<desc>Each layer imports only from its own packages and from the layers below it.</desc>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for index, layer in enumerate(reversed(LAYERS)):
        top = GAP + index * (ROW + GAP)
        box = (WIDTH - 2 * GAP - (len(layer) - 1) * BOX_GAP) / len(layer)
        for position, package in enumerate(layer):
            left = GAP + position * (box + BOX_GAP)
            colour = COLOURS[index % len(COLOURS)]
            parts.append(
                f'<rect x="{left:.1f}" y="{top}" width="{box:.1f}" height="{ROW}" rx="5" '
                f'fill="{colour}" stroke="#7a8ca6"/>'
                f'<text x="{left + box / 2:.1f}" y="{top + 22}" text-anchor="middle" fill="#1d2a3a">'
                f"{package}</text>"
            )
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    (ROOT / "docs" / "layers.svg").write_text(draw(), "utf-8")
