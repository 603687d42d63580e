"""What the documentation says is run, and what is made from code is compared with it."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from passwright.examples.authority import example_directory
from tests.run_cli import run

ROOT = Path(__file__).parent.parent
# Plugins of ours that a reader does not have; importing them takes longer than the test.
WITHOUT_OTHERS = [
    option
    for plugin in ("anyio", "hypothesispytest", "pytest_cov", "randomly", "schemathesis", "xdist")
    for option in ("-p", f"no:{plugin}")
]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text("utf-8")) if found == language]


def prepared(folder: Path) -> Path:
    """A folder as a reader has it who followed the tour: a template and throw-away keys."""
    shutil.copytree(example_directory(), folder / "certs")
    shutil.copytree(ROOT / "fixtures" / "templates" / "membership", folder / "coffee-club")
    return folder


Examples = Callable[[Path], str]


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Examples:
    """Runs the Python blocks of a page as one program in this process; answers what it prints."""
    monkeypatch.chdir(prepared(tmp_path))

    def run_page(page: Path) -> str:
        code = compile("\n".join(blocks(page, "python")), str(page), "exec")
        module = ModuleType("__main__")
        monkeypatch.setitem(sys.modules, "__main__", module)
        exec(code, module.__dict__)
        return capsys.readouterr().out

    return run_page


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, "python")], ids=lambda page: page.name
)
def test_the_examples_of_a_page_run_from_top_to_bottom(page: Path, examples: Examples) -> None:
    """Every `# ...` after a print is what it prints; so is a text block after the last one."""
    printed = examples(page)
    code = "\n".join(blocks(page, "python"))
    for promised in re.findall(r"^\s*print\(.*\)  # (.*)$", code, re.MULTILINE):
        assert promised.partition(", ")[0] in printed


def test_the_refusal_that_the_readme_shows_is_the_one_that_comes(examples: Examples) -> None:
    printed = examples(ROOT / "README.md")
    for line in blocks(ROOT / "README.md", "text")[0].splitlines():
        assert line in printed


def test_the_tests_in_the_guide_to_testing_pass_and_its_refusal_is_the_one_that_comes(tmp_path: Path) -> None:
    page = ROOT / "docs" / "testing-your-passes.md"
    promised = blocks(page, "text")[0].splitlines()
    (tmp_path / "test_guide.py").write_text("\n".join(blocks(page, "python")))
    (tmp_path / "test_refusal.py").write_text(
        "from passwright.apple.container import pkpass\n"
        "from passwright.testing import assert_valid_pkpass\n"
        "from test_guide import build_card\n"
        "def test_a_changed_picture():\n"
        "    files = pkpass.read(build_card('M-1'))\n"
        "    files['icon.png'] = files['icon@2x.png']\n"
        "    assert_valid_pkpass(pkpass.pack(files))\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-W", "error", "-p", "no:cacheprovider", *WITHOUT_OTHERS],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    tests = sum(f"\n{block}".count("\ndef test_") for block in blocks(page, "python"))
    assert f"1 failed, {tests} passed" in done.stdout, done.stdout
    for line in promised:
        assert line in done.stdout


def commands(page: Path) -> list[str]:
    return [
        line
        for block in blocks(page, "console")
        for line in block.splitlines()
        if line.startswith(("passwright ", "openssl "))
    ]


def with_programs(page: Path) -> Any:
    """A parameter for the page, marked with the programs of others that its commands run."""
    programs = {line.split()[0] for line in commands(page)} - {"passwright"}
    return pytest.param(page, marks=pytest.mark.foreign(*sorted(programs)) if programs else ())


@pytest.mark.parametrize(
    "page", [with_programs(page) for page in PAGES if commands(page)], ids=lambda page: page.name
)
def test_the_commands_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for table in blocks(page, "csv"):
        (tmp_path / "members.csv").write_text(table, "utf-8")
    for line in commands(page):
        program, *words = shlex.split(line)
        if program == "passwright":
            result = run(*words)
            assert result.exit_code == 0, f"{line}\n{result.stderr}"
            continue
        done = subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


def test_the_changelog_speaks_of_what_there_is() -> None:
    """Full names in it can be imported."""
    import importlib

    for dotted in re.findall(r"`(passwright(?:\.\w+)+)", (ROOT / "CHANGELOG.md").read_text("utf-8")):
        parts = dotted.split(".")
        found: object = importlib.import_module(parts[0])
        for part in parts[1:]:
            try:
                found = getattr(found, part)
            except AttributeError:
                found = importlib.import_module(f"{found.__name__}.{part}")  # type: ignore[attr-defined]


def anchors(page: Path) -> set[str]:
    """Returns the anchors of a page: its explicit ids, and its headings as GitHub writes them."""
    text = page.read_text("utf-8")
    headings = re.findall(r"^#+ (.*)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """Each link names a file that exists, and an anchor of this file."""
    for target, anchor in re.findall(r"\]\(([^)#:]*)(?:#([^)]+))?\)", page.read_text("utf-8")):
        linked = page.parent / target if target else page
        assert linked.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in anchors(linked), f"{page.name} links to {target}#{anchor}"


def test_the_template_in_the_guide_is_the_one_we_ship() -> None:
    import tomllib

    shown = tomllib.loads(blocks(ROOT / "docs" / "templates.md", "toml")[0])
    shipped = tomllib.loads((ROOT / "fixtures/templates/membership/template.toml").read_text("utf-8"))
    for name in ("kind", "id", "organisation", "name", "description", "images", "colours", "nfc", "links"):
        assert shown[name] == shipped[name]
    assert shown["fields"].keys() == shipped["fields"].keys()


def test_the_pages_made_from_code_are_fresh() -> None:
    """`python docs/reference.py` would change nothing: every code and every command is told."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "docs" / "reference.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
