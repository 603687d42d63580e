"""`passwright serve` and `passwright keys` as their users meet them: as processes."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from passwright.cli import service_setup
from passwright.service.vault import KeyFile, KeyRing
from tests.run_cli import certs, run
from tests.test_docs import ROOT, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVE = [sys.executable, "-m", "passwright", "serve"]


@contextmanager
def serving(folder: Path, *args: str, **more: Any) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service as a process in this folder, and what it said on standard output before it was ready."""
    with subprocess.Popen(
        [*SERVE, *args], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more
    ) as process:
        try:
            said = ""
            assert process.stdout is not None
            while "no wallet takes these passes" not in said:
                line = process.stdout.readline()
                assert line, f"it stopped: {process.stderr.read() if process.stderr else ''}"
                said += line
            yield process, said
        finally:
            process.terminate()
            try:
                process.communicate(timeout=40)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def told(said: str) -> dict[str, str]:
    """What it said to export, and where it is."""
    found = dict(re.findall(r"export (\w+)=(\S+)", said))
    found["URL"] = re.search(r"at (http://localhost:\d+)", said)[1]  # type: ignore[index]
    return found


def wait_for(url: str) -> None:
    for _ in range(200):
        try:
            httpx2.get(f"{url}/health", timeout=5)
        except httpx2.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("it never answered")


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The example as a process that answers: what it told to export, and its URL."""
    with serving(tmp_path_factory.mktemp("example"), "--example", "--port", "0") as (process, said):
        known = told(said)
        wait_for(known["URL"])
        yield known
    assert process.returncode == 0


@pytest.mark.foreign("curl", "zip")
def test_the_lines_of_the_readme_and_of_the_guide_run(example: dict[str, str], tmp_path: Path) -> None:
    """Every curl line, as it stands there but for the port; each answer is what the text says."""
    lines = [
        *blocks(ROOT / "README.md", "sh"),
        *blocks(ROOT / "docs" / "service.md", "sh"),
    ]
    assert len(lines) == 5
    script = "\n".join(lines).replace("http://localhost:8000", example["URL"])
    script = script.replace("curl -s ", r"curl -s --fail-with-body -w '\n' ")
    script = script.replace("passwright new", f"{sys.executable} -m passwright new")
    done = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=tmp_path,
        env={**os.environ, **example},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert answers[0]["data"]["attributes"]["binding"]["bindingEmail"] == "j***@gmail.com"
    assert answers[2]["data"]["attributes"]["values"]["points"] == 120
    assert answers[3]["data"]["attributes"]["status"] == "nullified"
    assert answers[4]["openapi"].startswith("3.1")
    assert answers[-1]["data"]["type"] == "passTemplate"


@pytest.mark.ci
def test_the_example_prints_what_a_first_request_needs(tmp_path: Path) -> None:
    """Also the second time, with its passes still there; on a signal it ends with 0 and a clean file."""
    made = ""
    for start in (1, 2):
        with serving(tmp_path, "--example", "--port", "0") as (process, said):
            known = told(said)
            wait_for(known["URL"])
            headers = {"Authorization": f"Bearer {known['KEY']}"}
            with httpx2.Client(base_url=known["URL"], headers=headers, timeout=30) as client:
                listed = client.get("/api/v1/pass-templates").json()
                assert listed["meta"]["total"] == 7
                assert client.get("/ready").json()["exampleAuthority"] is True
                if start == 1:
                    params = {"passTemplate": known["TEMPLATE"]}
                    body = {"pass": {"values": {"fullName": "Jane"}}}
                    made = client.post("/api/v1/passes", params=params, json=body).json()["data"]["id"]
                assert client.get(f"/api/v1/passes/{made}").status_code == 200
        assert process.returncode == 0
    files = {each.name: each.stat().st_mode & 0o777 for each in tmp_path.iterdir()}
    assert files == {"passwright-example.db": 0o600, "passwright-example.keys.toml": 0o600}


@pytest.mark.ci
def test_on_a_terminal_the_log_is_for_people(tmp_path: Path) -> None:
    """Lines without braces; everywhere else JSON."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*SERVE, "--example", "--port", "0"], cwd=tmp_path, stdout=theirs, stderr=theirs, text=True
    ) as process:
        os.close(theirs)
        said = ""
        try:
            while "no wallet takes" not in said:
                said += os.read(ours, 65536).decode()
            url = told(said)["URL"]
            wait_for(url)
            while "GET /health 200" not in said:
                said += os.read(ours, 65536).decode()
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=40)
            os.close(ours)
    assert re.search(r"\d\d:\d\d:\d\d  GET /health 200", said)
    assert '{"at"' not in said
    assert process.returncode == 0


@pytest.mark.ci
def test_a_host_that_others_reach_is_warned_of(tmp_path: Path) -> None:
    with serving(tmp_path, "--example", "--port", "0", "--host", "0.0.0.0") as (process, said):
        wait_for(told(said)["URL"])
        process.terminate()
        _, errors = process.communicate(timeout=40)
    assert "0.0.0.0 is open to others" in errors


def settings(folder: Path, *lines: str) -> Path:
    """A configuration with a vault of its own."""
    KeyFile(folder / "vault.toml").write(KeyRing.create("k1"))
    path = folder / "passwright.toml"
    text = [
        'base_url = "https://passes.example.com"',
        f'database = "sqlite:///{folder / "passes.db"}"',
        'vault_keys = "vault.toml"',
        *lines,
    ]
    path.write_text("\n".join(text) + "\n", "utf-8")
    return path


@pytest.mark.parametrize("side", ["apple", "google"])
def test_sup_05_the_example_authority_is_refused_without_the_word(tmp_path: Path, side: str) -> None:
    keys = certs(tmp_path)
    lines = {
        "apple": ["[apple]", *(f'{name} = "{keys / file}"' for name, file in PEM.items())],
        "google": [
            "[google]",
            f'service_account = "{keys / "service-account.json"}"',
            'issuer_id = "3388000000012345678"',
        ],
    }
    path = settings(tmp_path, *lines[side])
    result = run("serve", "--config", str(path), "--port", "0")

    assert result.exit_code == 2
    assert "the example's keys, which everybody has" in result.stderr
    assert not (tmp_path / "passes.db").exists()


PEM = {"certificate": "pass-nfc.pem", "key": "pass-nfc.key", "intermediate": "wwdr.pem"}


def test_what_keeps_a_service_from_starting_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with what to do, and nothing is left behind."""
    monkeypatch.chdir(tmp_path)
    bad = settings(tmp_path, "[limits]", "key_burst = 0")
    for args, message in (
        ((), "base_url is not set: put it into the settings file, or set PASSWRIGHT_BASE_URL"),
        (("--config", str(tmp_path / "none.toml")), "none.toml"),
        (("--config", str(bad)), "limits.key_burst in"),
        (("--example", "--database", "postgresql://x/y"), "sqlite:///"),
        (("--example", "--host", "no.such.host.invalid"), "there is no such address"),
        (("--database", "sqlite:///x.db", "--base-url", "https://a.example.com"), "vault_keys is not set"),
    ):
        result = run("serve", "--port", "0", *args)
        assert result.exit_code == 2
        assert message in result.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["passwright.toml", "vault.toml"]


def test_a_port_that_is_taken_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing of the running service's files is touched."""
    import socket

    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = run("serve", "--example", "--port", str(taken.getsockname()[1]))

    assert result.exit_code == 2
    assert "use another --port" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_setup, "NEEDED", ("no_such_module",))
    for args in (("serve", "--example"), ("keys", "list"), ("schema", "openapi")):
        result = run(*args)
        assert result.exit_code == 2
        assert "(no_such_module missing): pip install 'passwright[service]'" in result.stderr


def test_keys_are_added_listed_and_revoked(tmp_path: Path) -> None:
    """A key is printed once and never listed; its organisation is made with the first."""
    config = ("--config", str(settings(tmp_path)))
    keys = [
        run("keys", "add", "Example Roasters", "--name", name, *config).stdout.strip()
        for name in ("till", "shop")
    ]
    listed = run("keys", "list", *config).stdout

    assert all(re.fullmatch(r"pw_[A-Za-z0-9_-]{32}", key) for key in keys)
    assert not any(key in listed for key in keys)
    organisation, *lines = listed.splitlines()
    assert organisation.endswith("  Example Roasters")
    assert [line.split()[-1] for line in lines] == ["till", "shop"]
    ended = run("keys", "revoke", lines[0].split()[0], *config)
    assert ended.exit_code == 0
    again = run("keys", "list", *config).stdout.splitlines()
    assert "revoked" in again[1]
    assert "in use" in again[2]
    by_id = run("keys", "add", organisation.split()[0], *config)
    assert by_id.exit_code == 0
    assert len(run("keys", "list", *config).stdout.splitlines()) == 4
    assert run("keys", "revoke", "nobody", *config).exit_code == 2


def test_the_openapi_description_is_printed() -> None:
    printed = json.loads(run("schema", "openapi").stdout)

    assert printed["openapi"].startswith("3.1")
    assert "/api/v1/passes/{name}/nullify" in printed["paths"]
    assert "did you mean 'openapi'" in run("schema", "openapy").stderr


def test_s1_3a_the_binding_of_an_organisation_is_switched_after_it_was_made(tmp_path: Path) -> None:
    """By name or id, while its keys stay as they are; the list says so."""
    config = ("--config", str(settings(tmp_path)))
    assert run("keys", "add", "Example Roasters", *config).exit_code == 0
    organisation = run("keys", "list", *config).stdout.split()[0]

    off = run("organisations", "set", "Example Roasters", "--binding", "off", *config)
    assert (off.exit_code, off.stdout.strip()) == (0, f"{organisation}  Example Roasters  binding off")
    listed = run("keys", "list", *config).stdout
    assert listed.startswith(f"{organisation}  Example Roasters  (binding off)\n")
    on = run("organisations", "set", organisation, "--binding", "on", *config)
    assert (on.exit_code, on.stdout.strip()) == (0, f"{organisation}  Example Roasters  binding on")
    assert "binding" not in run("keys", "list", *config).stdout


def test_s1_3a_what_cannot_be_switched_is_said(tmp_path: Path) -> None:
    """Also a key that would switch it in passing: it did not, and nobody was told."""
    config = ("--config", str(settings(tmp_path)))
    run("keys", "add", "Example Roasters", *config)
    for args, message in (
        (("organisations", "set", "Nobody", "--binding", "on"), "there is no organisation Nobody"),
        (("organisations", "set", "Example Roasters", "--binding", "maybe"), "maybe"),
        (("organisations", "set", "Example Roasters"), "--binding"),
        (("keys", "add", "Example Roasters", "--no-binding"), "organisations set NAME --binding off"),
    ):
        result = run(*args, *config)
        assert (result.exit_code, message in result.stderr) == (2, True), result.stderr


def example_settings(folder: Path, base_url: str) -> Path:
    """A configuration for `--example` with a database and an address of its own."""
    path = folder / "passwright.toml"
    database = folder / "mine.db"
    path.write_text(f'base_url = "{base_url}"\ndatabase = "sqlite:///{database}"\n', "utf-8")
    return path


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@pytest.mark.ci
def test_s1_4a_the_configuration_wins_over_what_the_example_brings(tmp_path: Path) -> None:
    """Its database, its address and its port, with --port or without."""
    port = free_port()
    config = str(example_settings(tmp_path, f"http://localhost:{port}"))
    for more in ((), ("--port", str(port))):
        with serving(tmp_path, "--example", "--config", config, *more) as (_, said):
            known = told(said)
            assert known["URL"] == f"http://localhost:{port}"
            wait_for(known["URL"])
            headers = {"Authorization": f"Bearer {known['KEY']}"}
            answer = httpx2.post(
                f"{known['URL']}/api/v1/passes",
                params={"passTemplate": known["TEMPLATE"]},
                json={"pass": {"fullName": "Jane"}},
                headers=headers,
                timeout=30,
            )
        link = answer.json()["data"]["attributes"]["downloadUrl"]
        assert link.startswith(f"http://localhost:{port}/p/")
    files = {each.name for each in tmp_path.iterdir()}
    assert files == {"passwright.toml", "mine.db", "mine.keys.toml"}


@pytest.mark.ci
def test_s1_4a_an_address_behind_a_proxy_is_handed_out_whatever_the_port(tmp_path: Path) -> None:
    config = str(example_settings(tmp_path, "https://passes.example.com"))
    with serving(tmp_path, "--example", "--config", config, "--port", "0") as (_, said):
        assert "at https://passes.example.com" in said
    assert (tmp_path / "mine.db").exists()
    assert not (tmp_path / "passwright-example.db").exists()


@pytest.mark.parametrize("more", [("--example",), ()])
def test_s1_4b_a_port_that_no_link_leads_to_is_refused(tmp_path: Path, more: tuple[str, ...]) -> None:
    """And nothing is made: neither a database nor keys."""
    port, other = free_port(), free_port()
    config = str(example_settings(tmp_path, f"http://localhost:{port}"))
    result = run("serve", "--config", config, "--port", str(other), *more)

    assert result.exit_code == 2
    assert f"listen on port {other}, but links lead to http://localhost:{port}" in result.stderr
    assert "leave --port out" in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["passwright.toml"]


def test_s1_4c_other_commands_of_the_example_use_the_same_database(tmp_path: Path) -> None:
    config = str(example_settings(tmp_path, "http://localhost:8000"))
    assert run("keys", "add", "Example Roasters", "--example", "--config", config).exit_code == 0

    assert "Example Roasters" in run("keys", "list", "--example", "--config", config).stdout
    assert (tmp_path / "mine.db").exists()
