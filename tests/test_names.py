"""`__all__` is the promise: what is in it exists, says what it is, and is all there is to see."""

import importlib
import inspect
import pkgutil
import subprocess
import sys
import types

import pytest

import passwright

MEMBERS = (property, staticmethod, classmethod, types.FunctionType)
PUBLIC = ("passwright", "passwright.apple", "passwright.google", "passwright.testing")


def modules() -> list[str]:
    found = pkgutil.walk_packages(passwright.__path__, "passwright.")
    return [info.name for info in found if not info.name.endswith("__main__")]


@pytest.mark.parametrize("name", modules())
def test_what_a_module_promises_is_there_and_documented(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__, f"{name} says nothing about itself"
    for promised in getattr(module, "__all__", ()):
        value = getattr(module, promised)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert inspect.getdoc(value), f"{name}.{promised} says nothing about itself"
        if inspect.isclass(value) and value.__module__.startswith("passwright"):
            for member, method in vars(value).items():
                if not member.startswith("_") and isinstance(method, MEMBERS):
                    assert inspect.getdoc(method), f"{name}.{promised}.{member} says nothing about itself"


@pytest.mark.parametrize("name", PUBLIC)
def test_what_is_to_see_is_what_is_promised(name: str) -> None:
    module = importlib.import_module(name)
    for promised in module.__all__:
        getattr(module, promised)
    needed = {"annotations", "lazy_names", "TYPE_CHECKING"}
    # pytest rewrites the asserts of packages with a plugin, and leaves names with an @.
    seen = {each for each in vars(module) if not each.startswith(("_", "@"))}
    rooms = {info.name for info in pkgutil.iter_modules(module.__path__)}
    assert seen - set(module.__all__) - needed - rooms == set()
    with pytest.raises(AttributeError, match="no attribute 'nothing_of_the_kind'"):
        _ = module.nothing_of_the_kind


def test_importing_passwright_does_no_work() -> None:
    """SUP-02: `import passwright` loads no third-party module and no module of ours but `lazy`."""
    script = (
        "import sys; before = set(sys.modules); import passwright; "
        "new = set(sys.modules) - before; "
        "print(sorted(m for m in new if m.split('.')[0] not in sys.stdlib_module_names))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['passwright', 'passwright.lazy']"
