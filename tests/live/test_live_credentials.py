"""Credentials against the real things: a token service, programs, google-auth with its token endpoints."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.http_service import Asked, HttpService, Reply, serving

from satellite.core.errors import ConfigError, CredentialError
from satellite.live.credentials import Credentials, credentials_of
from satellite.live.own_thread import OwnThread
from satellite.live.token_source import TokenProgram
from satellite.settings import LiveSettings

TOKEN = "auth_tokens/not-a-real-token-0123456789"
PASSWORD = "not-a-real-password-0123456789"
KEY = "not-a-real-key-0123456789"


def live(**changes: Any) -> LiveSettings:
    return LiveSettings.model_validate(changes)


def headers_of(credentials: Credentials) -> dict[str, str]:
    return asyncio.run(credentials.headers())


def failure_of(credentials: Credentials) -> CredentialError:
    with pytest.raises(CredentialError) as failed:
        headers_of(credentials)
    assert "\n" not in str(failed.value)
    return failed.value


# ---------------------------------------------------------------- one of a kind


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"api_key": KEY, "token": {"url": "https://tokens.example"}}, "live.api_key and live.token.url"),
        ({"token": {"url": "https://t.example", "command": ["true"]}}, "live.token.url and live.token.command"),
        ({"token": {"value": TOKEN, "command": ["true"]}}, "live.token.value and live.token.command"),
    ],
)
def test_two_ways_to_prove_who_we_are_are_refused(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError, match=named) as refused:
        credentials_of(live(**changes))
    assert KEY not in str(refused.value)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("more", [{}, {"api_key": KEY}])
def test_tokens_are_not_for_vertex(more: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"^live\.token: "):
        credentials_of(live(backend="vertex", token={"value": TOKEN}, **more))


# ---------------------------------------------------------------- live.token.url


def from_url(service: HttpService, **changes: Any) -> Credentials:
    return credentials_of(live(token={"url": f"{service.url}/token", **changes}))


@pytest.mark.parametrize("body", [{"name": TOKEN}, {"token": TOKEN}, {"name": TOKEN, "expireTime": "later"}])
def test_a_token_is_fetched_anew_for_each_attempt(body: dict[str, str]) -> None:
    with serving(lambda asked: Reply(200, body)) as service:
        credentials = from_url(service, authorization=f"Bearer {PASSWORD}")
        for _ in range(2):
            assert headers_of(credentials) == {"Authorization": f"Token {TOKEN}"}
        first, second = service.asked
        assert first == second
        assert (first.method, first.path) == ("POST", "/token")
        assert first.headers["authorization"] == f"Bearer {PASSWORD}"
        assert first.headers["content-type"] == "application/json"


def test_without_authorization_none_is_sent() -> None:
    with serving(lambda asked: Reply(201, {"name": TOKEN})) as service:
        headers_of(from_url(service))
        assert "authorization" not in service.asked[0].headers


@pytest.mark.parametrize(
    ("reply", "fatal", "said"),
    [
        (Reply(401, {}), True, "live.token.authorization"),
        (Reply(403, {}), True, "live.token.authorization"),
        (Reply(404, {}), True, "live.token.url"),
        (Reply(400, {}), True, "HTTP 400"),
        (Reply(429, {}), False, "HTTP 429"),
        (Reply(500, {}), False, "HTTP 500"),
        (Reply(503, b"<html>"), False, "HTTP 503"),
        (Reply(200, b"<html>"), True, "no token"),
        (Reply(200, {}), True, "no token"),
        (Reply(200, {"name": ""}), True, "no token"),
        (Reply(200, {"name": 5}), True, "no token"),
        (Reply(200, {"token": "two words"}), True, "no token"),
        (Reply(200, {"token": "x\r\nX-Evil: 1"}), True, "no token"),
        (Reply(200, ["auth_tokens/x"]), True, "no token"),
        (Reply(200, b" " * 100_000), False, "longer than"),
    ],
)
def test_answers_that_hold_no_token(reply: Reply, fatal: bool, said: str) -> None:
    with serving(lambda asked: reply) as service:
        error = failure_of(from_url(service, authorization=PASSWORD))
    assert error.fatal is fatal
    assert said in str(error)
    assert PASSWORD not in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with (
        serving(lambda asked: Reply(200, {"name": TOKEN})) as elsewhere,
        serving(lambda asked: Reply(status, {}, {"Location": f"{elsewhere.url}/token"})) as service,
    ):
        error = failure_of(from_url(service, authorization=PASSWORD))
        assert elsewhere.asked == []
    assert error.fatal
    assert "redirects" in str(error)


def test_a_service_that_is_not_there_is_tried_again() -> None:
    with serving(lambda asked: Reply()) as service:
        credentials = from_url(service)
    error = failure_of(credentials)
    assert not error.fatal
    assert "live.token.url" in str(error)


def test_a_service_that_says_nothing_is_given_up() -> None:
    with serving(lambda asked: Reply()) as service:

        def silent(asked: Asked) -> Reply:
            service.over.wait()
            return Reply()

        service.answer = silent
        error = failure_of(from_url(service, timeout_ms=100))
        service.over.set()
    assert not error.fatal


def test_a_service_that_drips_is_given_up() -> None:
    with serving(lambda asked: Reply(200, b"{", drip=True)) as service:
        assert not failure_of(from_url(service, timeout_ms=100)).fatal


def test_the_environments_proxy_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        serving(lambda asked: Reply(500, {})) as proxy,
        serving(lambda asked: Reply(200, {"name": TOKEN})) as service,
    ):
        for name in ("http_proxy", "HTTP_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        headers_of(from_url(service, authorization=PASSWORD))
        assert proxy.asked == []


@pytest.mark.parametrize(
    "url",
    [
        *("http://tokens.example/x", "http://192.168.1.5/x", "ftp://127.0.0.1/x", "tokens.example", "https://"),
        *(
            f"https://user:{PASSWORD}@tokens.example",
            "https://[::1",
            "https://h:port",
            "https://h/a b",
            "https://h\n/x",
        ),
    ],
)
def test_a_token_url_that_would_show_the_token_or_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match=r"^live\.token\.url: ") as refused:
        credentials_of(live(token={"url": url}))
    assert PASSWORD not in str(refused.value)


def test_an_authorization_that_fits_no_header_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^live\.token\.authorization: ") as refused:
        credentials_of(live(token={"url": "https://tokens.example", "authorization": f"{PASSWORD}\nX: 1"}))
    assert PASSWORD not in str(refused.value)


# ---------------------------------------------------------------- live.token.command


def program(script: str, *, timeout_ms: int = 60_000) -> Credentials:
    command = [sys.executable, "-c", script]
    return credentials_of(live(token={"command": command, "timeout_ms": timeout_ms}))


def test_the_last_line_that_a_program_prints_is_the_token(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    script = f"open({str(runs)!r}, 'a').write('x'); print('minted'); print({TOKEN!r}); print()"
    credentials = program(script)
    for _ in range(2):
        assert headers_of(credentials) == {"Authorization": f"Token {TOKEN}"}
    assert runs.read_text() == "xx"


def test_a_programs_arguments_go_through_no_shell(tmp_path: Path) -> None:
    witness = tmp_path / "witness"
    credentials = credentials_of(live(token={"command": ["echo", f"$(touch${{IFS}}{witness});x"]}))
    assert headers_of(credentials) == {"Authorization": f"Token $(touch${{IFS}}{witness});x"}
    assert not witness.exists()


@pytest.mark.parametrize(
    ("script", "fatal", "said"),
    [
        ("import sys; print('no route', file=sys.stderr); sys.exit(255)", False, "exit status 255: no route"),
        ("import sys; print('a\\nb', file=sys.stderr); sys.exit(1)", False, "exit status 1: b"),
        ("import sys; sys.exit(78)", True, "exit status 78"),
        ("import sys; sys.exit(77)", True, "exit status 77"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", False, "signal 15"),
        ("print('two words')", False, "no token"),
        ("print()", False, "no token"),
        ("", False, "no token"),
        ("print('x' * 100_000)", False, "no token"),
    ],
)
def test_programs_that_give_no_token(script: str, fatal: bool, said: str) -> None:
    error = failure_of(program(script))
    assert error.fatal is fatal
    assert said in str(error)


@pytest.mark.parametrize(
    "complaint",
    [f"bad {TOKEN}", "bad key AIzaSyNotReal", "Bearer: abc", "password=hunter2", "A" * 40, "said-on-stdout"],
)
def test_a_complaint_that_may_hold_a_secret_is_not_shown(complaint: str) -> None:
    error = failure_of(program(f"import sys; print('said-on-stdout'); sys.exit({complaint!r})"))
    assert complaint not in str(error)
    assert "not shown" in str(error)


def test_a_program_that_floods_its_output_is_read_to_the_end() -> None:
    script = (
        f"import sys; sys.stderr.write('x' * 3_000_000); sys.stdout.write('y' * 3_000_000); print(); print({TOKEN!r})"
    )
    assert headers_of(program(script)) == {"Authorization": f"Token {TOKEN}"}


@pytest.mark.parametrize("name", ["no-such-program-here", "/etc/passwd"])
def test_a_program_that_cannot_be_run_is_fatal_and_named(name: str) -> None:
    error = failure_of(credentials_of(live(token={"command": [name]})))
    assert error.fatal
    assert "live.token.command" in str(error)
    assert Path(name).name in str(error)


FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open({pids!r} + ".new", "w") as file:
    file.write(f"{{os.getpid()}} {{child.pid}}")
os.rename({pids!r} + ".new", {pids!r})
time.sleep(600)
"""


def ended(pid: int) -> bool:
    """Whether a process is gone, or a zombie nobody has waited for yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


PATIENCE_S = 30.0
"""After this, what a test waits for will not come."""


def until(condition: Callable[[], bool]) -> None:
    ends_at_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < ends_at_s
        time.sleep(0.01)


def test_a_program_that_takes_too_long_is_ended_with_all_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    command = [sys.executable, "-c", FAMILY.format(pids=str(pids))]
    slow = TokenProgram(command, timeout_s=5, clock=lambda: 6.0 if pids.exists() else 0.0)
    with pytest.raises(CredentialError, match="longer than 5 s") as failed:
        slow.fetch()
    assert not failed.value.fatal
    for pid in map(int, pids.read_text().split()):
        until(lambda pid=pid: ended(pid))  # type: ignore[misc]


def test_a_program_nobody_waits_for_any_more_is_ended(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    credentials = program(FAMILY.format(pids=str(pids)))

    async def given_up() -> None:
        waiting = asyncio.create_task(credentials.headers())
        await asyncio.to_thread(until, pids.exists)
        waiting.cancel()
        await asyncio.wait([waiting])
        assert waiting.cancelled()

    asyncio.run(given_up())
    for pid in map(int, pids.read_text().split()):
        until(lambda pid=pid: ended(pid))  # type: ignore[misc]


def test_a_program_is_not_told_what_systemd_told_us(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/not-for-programs")
    monkeypatch.setenv("FOR_PROGRAMS", "here")
    script = "import os; print(os.environ.get('NOTIFY_SOCKET', 'none') + '-' + os.environ['FOR_PROGRAMS'])"
    assert headers_of(program(script)) == {"Authorization": "Token none-here"}


def test_what_a_program_leaves_running_neither_holds_it_up_nor_is_ended(tmp_path: Path) -> None:
    left = tmp_path / "left"
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(left)!r}, 'w').write(str(child.pid))\n"
        f"print({TOKEN!r})"
    )
    assert headers_of(program(script)) == {"Authorization": f"Token {TOKEN}"}
    pid = int(left.read_text())
    assert not ended(pid)
    os.kill(pid, signal.SIGKILL)


# ---------------------------------------------------------------- off the loop


def test_work_that_hangs_frees_the_loop_and_does_not_hold_up_the_shutdown() -> None:
    never = threading.Event()

    async def scenario() -> None:
        own = OwnThread("test")
        with pytest.raises(TimeoutError):
            await own.run(never.wait, limit_s=0.05)
        with pytest.raises(TimeoutError):  # one at a time: what comes next waits for it
            await own.run(lambda: None, limit_s=0.05)
        never.set()
        assert await own.run(lambda: 5, limit_s=60) == 5

    asyncio.run(scenario())


def test_a_hanging_thread_lets_the_process_end() -> None:
    code = (
        "import asyncio, threading\n"
        "from satellite.live.own_thread import OwnThread\n"
        "async def main():\n"
        "    try:\n"
        "        await OwnThread('test').run(threading.Event().wait, limit_s=0.05)\n"
        "    except TimeoutError:\n"
        "        print('given up')\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "given up\n"


def test_pieces_of_work_run_one_after_the_other_and_their_errors_reach_who_asked() -> None:
    busy = threading.Lock()

    def work(number: int) -> int:
        assert busy.acquire(blocking=False)
        time.sleep(0.01)
        busy.release()
        if number == 1:
            raise ValueError("one")
        return number

    async def scenario() -> None:
        own = OwnThread("test")
        results = await asyncio.gather(
            *(own.run(lambda number=number: work(number), limit_s=60) for number in range(4)),  # type: ignore[misc]
            return_exceptions=True,
        )
        assert [results[0], *results[2:]] == [0, 2, 3]
        assert isinstance(results[1], ValueError)

    asyncio.run(scenario())


# ---------------------------------------------------------------- Vertex AI

google_auth = pytest.importorskip("google.auth", reason="the extra `vertex` is not installed")


@pytest.fixture(autouse=True)
def no_credentials_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What lies about on the machine that runs the tests is not found."""
    for name in (
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GOOGLE_CLOUD_PROJECT",
        "GCLOUD_PROJECT",
        "GOOGLE_CLOUD_QUOTA_PROJECT",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "no-gcloud"))
    monkeypatch.setenv("NO_GCE_CHECK", "true")


class Bank:
    """A token endpoint (RFC 6749): hands out numbered access tokens."""

    def __init__(self) -> None:
        self.issued = 0
        self.expires_in_s = 3600
        self.trouble: Reply | None = None

    def __call__(self, asked: Asked) -> Reply:
        if self.trouble is not None:
            return self.trouble
        self.issued += 1
        token = f"not-a-real-bearer-{self.issued}"
        return Reply(200, {"access_token": token, "expires_in": self.expires_in_s, "token_type": "Bearer"})


@pytest.fixture
def bank() -> Bank:
    return Bank()


@pytest.fixture
def token_endpoint(bank: Bank) -> Iterator[HttpService]:
    with serving(bank) as service:
        yield service


def service_account(file: Path, token_uri: str, **changes: str) -> Path:
    """A key file as Google makes it, with a key that was made this moment."""
    rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa", reason="google-auth came without it")
    from cryptography.hazmat.primitives import serialization as form

    pem = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    )
    account = {
        "type": "service_account",
        "project_id": "p-of-the-account",
        "private_key_id": "1",
        "private_key": pem.decode(),
        "client_email": "satellite@p-of-the-account.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }
    file.write_text(json.dumps(account | changes))
    return file


def user(file: Path, **changes: str) -> Path:
    """What `gcloud auth application-default login` leaves behind."""
    info = {
        "type": "authorized_user",
        "client_id": "not-a-real-client",
        "client_secret": "not-a-real-client-secret",
        "refresh_token": "not-a-real-refresh-token",
    }
    file.write_text(json.dumps(info | changes))
    return file


class Clock:
    """The time of day, moved by the test."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


def adc(*, now: Callable[[], datetime] = lambda: datetime.now(UTC), **changes: Any) -> Any:
    from satellite.live.vertex import VertexCredentials

    return VertexCredentials(live(backend="vertex", attempt_timeout_ms=60_000, vertex=changes), now=now)


def test_a_service_account_gives_bearer_tokens_and_its_project(token_endpoint: HttpService, tmp_path: Path) -> None:
    file = service_account(tmp_path / "account.json", token_endpoint.url)
    credentials = credentials_of(live(backend="vertex", vertex={"credentials_file": str(file)}))
    assert credentials.project == ""
    assert headers_of(credentials) == {"Authorization": "Bearer not-a-real-bearer-1"}
    assert credentials.project == "p-of-the-account"
    (asked,) = token_endpoint.asked
    assert asked.method == "POST"
    assert b"jwt-bearer" in asked.body


def test_application_default_credentials_are_found_by_the_environment(
    token_endpoint: HttpService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = service_account(tmp_path / "account.json", token_endpoint.url)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    credentials = adc()
    assert headers_of(credentials) == {"Authorization": "Bearer not-a-real-bearer-1"}
    assert credentials.project == "p-of-the-account"


@pytest.mark.parametrize("named", [True, False])
def test_user_credentials_are_refreshed_and_name_their_quota_project(
    named: bool, token_endpoint: HttpService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", token_endpoint.url)
    file = user(tmp_path / "user.json", quota_project_id="payer")
    if not named:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
    credentials = adc(credentials_file=str(file)) if named else adc()
    assert headers_of(credentials) == {
        "Authorization": "Bearer not-a-real-bearer-1",
        "x-goog-user-project": "payer",
    }
    assert credentials.project == ""
    assert b"not-a-real-refresh-token" in token_endpoint.asked[0].body


def test_the_settings_quota_project_comes_first(
    token_endpoint: HttpService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", token_endpoint.url)
    file = user(tmp_path / "user.json", quota_project_id="payer")
    credentials = adc(credentials_file=str(file), quota_project="other")
    assert headers_of(credentials)["x-goog-user-project"] == "other"


METADATA = """
import asyncio
from satellite.live.credentials import credentials_of
from satellite.settings import LiveSettings
credentials = credentials_of(LiveSettings(backend="vertex", attempt_timeout_ms=60000))
print(asyncio.run(credentials.headers()), credentials.project)
"""


def test_the_metadata_server_of_googles_own_machines() -> None:
    def metadata(asked: Asked) -> Reply:
        assert asked.headers["metadata-flavor"] == "Google"
        flavor = {"Metadata-Flavor": "Google"}
        path = asked.path.partition("?")[0]
        if path.endswith("/project/project-id"):
            return Reply(200, b"p-of-the-machine", flavor | {"Content-Type": "text/plain"})
        if path.endswith("/token"):
            return Reply(200, {"access_token": "not-a-real-bearer", "expires_in": 3600, "token_type": "Bearer"}, flavor)
        if "/service-accounts/" in path:
            return Reply(200, {"email": "m@p.iam.gserviceaccount.com", "scopes": ["x"], "aliases": []}, flavor)
        return Reply(200, b"ok", flavor | {"Content-Type": "text/plain"})

    with serving(metadata) as service:
        environment = os.environ | {"GCE_METADATA_HOST": service.place, "GCE_METADATA_IP": service.place}
        environment.pop("NO_GCE_CHECK", None)
        done = subprocess.run(
            [sys.executable, "-c", METADATA], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.stdout == "{'Authorization': 'Bearer not-a-real-bearer'} p-of-the-machine\n", done.stderr


def test_a_token_is_kept_until_five_minutes_before_its_end(
    token_endpoint: HttpService, bank: Bank, tmp_path: Path
) -> None:
    clock = Clock()
    file = service_account(tmp_path / "account.json", token_endpoint.url)
    credentials = adc(credentials_file=str(file), now=clock)
    first = headers_of(credentials)
    clock.ahead = timedelta(minutes=54)
    assert headers_of(credentials) == first
    assert bank.issued == 1
    clock.ahead = timedelta(minutes=56)
    assert headers_of(credentials) == {"Authorization": "Bearer not-a-real-bearer-2"}


def test_attempts_at_the_same_time_refresh_once(token_endpoint: HttpService, bank: Bank, tmp_path: Path) -> None:
    credentials = adc(credentials_file=str(service_account(tmp_path / "account.json", token_endpoint.url)))

    async def together() -> list[dict[str, str]]:
        return list(await asyncio.gather(*(credentials.headers() for _ in range(5))))

    assert asyncio.run(together()) == [{"Authorization": "Bearer not-a-real-bearer-1"}] * 5
    assert bank.issued == 1


def test_a_token_that_was_refused_is_not_offered_again(token_endpoint: HttpService, bank: Bank, tmp_path: Path) -> None:
    credentials = adc(credentials_file=str(service_account(tmp_path / "account.json", token_endpoint.url)))
    credentials.refused()
    headers_of(credentials)
    credentials.refused()
    assert headers_of(credentials) == {"Authorization": "Bearer not-a-real-bearer-2"}


def test_a_token_that_cannot_be_renewed_serves_to_its_end(
    token_endpoint: HttpService, bank: Bank, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    credentials = adc(credentials_file=str(service_account(tmp_path / "account.json", token_endpoint.url)), now=clock)
    first = headers_of(credentials)
    bank.trouble = Reply(400, {"error": "invalid_grant"})
    clock.ahead = timedelta(minutes=57)
    assert headers_of(credentials) == first
    assert "still good" in caplog.text
    clock.ahead = timedelta(minutes=61)
    assert failure_of(credentials).fatal


def test_a_refused_grant_is_fatal_with_advice_and_without_secrets(
    token_endpoint: HttpService, bank: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", token_endpoint.url)
    description = "expired: not-a-real-refresh-token of not-a-real-client-secret"
    bank.trouble = Reply(400, {"error": "invalid_grant", "error_description": description})
    error = failure_of(adc(credentials_file=str(user(tmp_path / "user.json"))))
    assert error.fatal
    assert "invalid_grant" in str(error)
    assert "live.vertex.credentials_file" in str(error)
    assert "refresh-token" not in str(error)
    assert "client-secret" not in str(error)


def test_google_out_of_reach_is_tried_again(tmp_path: Path) -> None:
    with serving(lambda asked: Reply()) as gone:
        file = service_account(tmp_path / "account.json", gone.url)
    assert not failure_of(adc(credentials_file=str(file))).fatal


def test_google_that_says_nothing_is_given_up(tmp_path: Path) -> None:
    from satellite.live.vertex import VertexCredentials

    with serving(lambda asked: Reply()) as service:

        def silent(asked: Asked) -> Reply:
            service.over.wait()
            return Reply()

        service.answer = silent
        file = service_account(tmp_path / "account.json", service.url)
        settings = live(backend="vertex", attempt_timeout_ms=500, vertex={"credentials_file": str(file)})
        error = failure_of(VertexCredentials(settings))
        service.over.set()
    assert not error.fatal
    assert "no answer" in str(error)


def test_no_credentials_anywhere_is_fatal_and_says_what_to_do() -> None:
    error = failure_of(adc())
    assert error.fatal
    assert "gcloud auth application-default login" in str(error)


def test_a_key_that_is_none_is_fatal_and_not_shown(token_endpoint: HttpService, tmp_path: Path) -> None:
    file = service_account(tmp_path / "account.json", token_endpoint.url, private_key="not-a-real-private-key")
    error = failure_of(adc(credentials_file=str(file)))
    assert error.fatal
    assert "not-a-real-private-key" not in str(error)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("{", "not JSON"),
        ("[]", "expected `type`"),
        ('{"type": "external_account"}', "expected"),
    ],
)
def test_a_credentials_file_that_cannot_be_used_is_refused_at_start(
    content: str | None, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "file.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ConfigError, match=r"^live\.vertex\.credentials_file: ") as refused:
        adc(credentials_file=str(file))
    assert said in str(refused.value)


@pytest.mark.parametrize("missing", ["google.auth", "requests"])
def test_a_missing_extra_is_named_at_start(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(ConfigError, match=r"script/setup service vertex"):
        adc()


def test_google_auth_is_imported_off_the_loop_and_only_for_vertex() -> None:
    code = (
        "import sys\n"
        "from satellite.live.credentials import credentials_of\n"
        "from satellite.settings import LiveSettings\n"
        "credentials_of(LiveSettings(backend='vertex'))\n"
        "print('google.auth' in sys.modules, 'requests' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "False False\n"


def test_no_secret_is_logged_even_at_debug(
    token_endpoint: HttpService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("google.oauth2.credentials._GOOGLE_OAUTH2_TOKEN_ENDPOINT", token_endpoint.url)
    credentials = adc(credentials_file=str(user(tmp_path / "user.json")))
    headers_of(credentials)
    said = caplog.text + repr(credentials)
    assert not [record.name for record in caplog.records if record.name.startswith(("google", "urllib3"))]
    assert not [word for word in ("bearer-1", "refresh-token", "client-secret") if f"not-a-real-{word}" in said]
