"""Names of a package that are imported on first use."""

from __future__ import annotations

import sys
from importlib import import_module

# Not from typing, which takes longer to import than everything else here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

__all__ = ["lazy_names"]


def lazy_names(
    package: str, homes: Mapping[str, tuple[str, ...]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Returns `__getattr__` and `__dir__` for a package (PEP 562).

    `homes` maps each module to the names it defines. A module is named from below
    `package` on, or in full from `passwright.` on. The home "" stands for modules
    that are themselves the names.
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def get(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home = home_of[name] or name
        value = import_module(home if home.startswith("passwright.") else f"{package}.{home}")
        if home_of[name]:
            value = getattr(value, name)
        setattr(sys.modules[package], name, value)
        return value

    def listing() -> list[str]:
        return sorted({*vars(sys.modules[package]), *home_of})

    return get, listing
