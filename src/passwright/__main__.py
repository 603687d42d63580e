"""`python -m passwright` is the command `passwright`."""

from __future__ import annotations

from passwright.cli import main

if __name__ == "__main__":
    main()
