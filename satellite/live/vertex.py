"""Bearer tokens for Vertex AI from Application Default Credentials (LIVE_API 1.4). The home of google-auth.

A service-account file, gcloud's user credentials, the metadata server of Google's own machines: google-auth knows them
all. It blocks, so it lives in a thread of its own and is imported there; without the extra `vertex` the configuration
is refused at start.
"""

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from satellite.core.errors import ConfigError, CredentialError
from satellite.live.own_thread import OwnThread

if TYPE_CHECKING:  # for its type alone: building all settings takes longer than the rest of this folder
    from satellite.settings import LiveSettings

log = logging.getLogger(__name__)

SCOPE = "https://www.googleapis.com/auth/cloud-platform"

REFRESH_MARGIN = timedelta(minutes=5)
"""A token is renewed when less than this is left of it."""

REQUEST_TIMEOUT_S = 5.0
"""Longest wait for one answer of a token endpoint; google-auth's own is two minutes."""

FILE_KINDS = ("service_account", "authorized_user")
"""`type` of a credentials file we take by name; GOOGLE_APPLICATION_CREDENTIALS takes every kind that Google has."""

SHOWN_CHARACTERS = 300
"""Longest piece of an error that is shown."""

NOISY_LOGGERS = ("google", "urllib3")
"""They show requests, and with them secrets, at DEBUG."""


class VertexCredentials:
    """Application Default Credentials. Driven by LiveLink on the loop; google-auth runs in a thread, once at a time."""

    def __init__(
        self,
        settings: "LiveSettings",
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Raises ConfigError without google-auth, or for a credentials file that cannot be used."""
        if find_spec("google") is None or find_spec("google.auth") is None or find_spec("requests") is None:
            raise ConfigError("live.backend: vertex needs google-auth, the extra `vertex`: script/setup service vertex")
        for name in NOISY_LOGGERS:
            logging.getLogger(name).setLevel(logging.INFO)
        self._file = settings.vertex.credentials_file
        if self._file is not None:
            _read(self._file)
        self._quota_project = settings.vertex.quota_project
        self._timeout_s = settings.attempt_timeout_ms / 1000
        self._now = now
        self._thread = OwnThread("google credentials")
        self._credentials: Any = None
        self._project = ""

    @property
    def project(self) -> str:
        """The project that the credentials name; known after the first headers()."""
        return self._project

    async def headers(self) -> dict[str, str]:
        """The headers of one attempt, with a token good for REFRESH_MARGIN unless it cannot be renewed yet."""
        if not self._is_good_for(REFRESH_MARGIN):
            try:
                await self._thread.run(self._refresh, limit_s=self._timeout_s)
            except TimeoutError:
                self._fail("Google's credentials do not come: no answer", fatal=False)
            except CredentialError as error:
                self._fail(str(error), fatal=error.fatal)
        headers = {"Authorization": f"Bearer {self._credentials.token}"}
        quota_project = self._quota_project or getattr(self._credentials, "quota_project_id", None)
        if quota_project:
            headers["x-goog-user-project"] = quota_project
        return headers

    def refused(self) -> bool:
        """The server did not take the token, whatever its expiry says: the next attempt gets another."""
        if self._credentials is not None:
            self._credentials.token = None
        return True

    def _fail(self, message: str, *, fatal: bool) -> None:
        """Raise, unless the token at hand still does: the last minutes before its expiry are for such trouble."""
        if not self._is_good_for(timedelta(0)):
            raise CredentialError(message, fatal=fatal)
        log.warning("the token could not be renewed, the present one is still good: %s", message)

    def _is_good_for(self, margin: timedelta) -> bool:
        credentials = self._credentials
        if credentials is None or not credentials.token:
            return False
        # google-auth's instants are UTC without saying so
        return credentials.expiry is None or self._now().replace(tzinfo=None) + margin < credentials.expiry

    def _refresh(self) -> None:
        """In the thread: find the credentials, once, and renew their token, unless the work before has done it."""
        if self._is_good_for(REFRESH_MARGIN):
            return
        from google.auth import exceptions
        from google.auth.transport.requests import Request

        class BoundedRequest(Request):
            """Their transport with our patience."""

            def __call__(self, *args: Any, **kwargs: Any) -> Any:
                kwargs["timeout"] = min(kwargs.get("timeout") or REQUEST_TIMEOUT_S, REQUEST_TIMEOUT_S)
                return super().__call__(*args, **kwargs)  # type: ignore[no-untyped-call]  # google-auth has no types

        request = BoundedRequest()
        try:
            if self._credentials is None:
                self._credentials, self._project = self._find(request)
            self._credentials.refresh(request)
        except exceptions.DefaultCredentialsError as error:
            raise CredentialError(
                f"No Google credentials: {self._shown(error)} Check live.vertex.credentials_file, "
                "or run gcloud auth application-default login.",
                fatal=True,
            ) from None
        except exceptions.GoogleAuthError as error:
            raise self._refresh_failed(error) from None
        except ValueError as error:  # a file with the right names and the wrong content
            raise CredentialError(
                f"No Google credentials: {self._shown(error)} Check live.vertex.credentials_file.", fatal=True
            ) from None
        except OSError as error:
            raise CredentialError(f"No Google credentials: {self._shown(error)}", fatal=False) from None
        finally:
            request.session.close()
        if not self._credentials.token:
            raise CredentialError("No Google credentials: the answer holds no token", fatal=False)

    def _find(self, request: Any) -> tuple[Any, str]:
        import google.auth

        if self._file is None:
            credentials, project = google.auth.default(scopes=[SCOPE], request=request)
            return credentials, project or ""
        info = _read(self._file)
        if info["type"] == "service_account":
            from google.oauth2 import service_account

            account: Any = service_account.Credentials
            account = account.from_service_account_info(info, scopes=[SCOPE])
            return account, account.project_id or ""
        from google.oauth2.credentials import Credentials

        # no scopes: those of a user were settled at the login
        user: Any = Credentials
        return user.from_authorized_user_info(info), ""

    def _refresh_failed(self, error: Exception) -> CredentialError:
        """Whether another try may help: not after a refusal, but the network and Google's own troubles pass."""
        from google.auth import exceptions

        network = isinstance(error, exceptions.TransportError) or isinstance(
            error.__cause__, (exceptions.TransportError, OSError)
        )
        passing = network or bool(getattr(error, "retryable", False))
        advice = "" if passing else " Check live.vertex.credentials_file, or log in again with gcloud."
        return CredentialError(f"No Google credentials: {self._shown(error)}{advice}", fatal=not passing)

    def _shown(self, error: Exception) -> str:
        """The error on one line without the secrets we know."""
        text = str(error.args[0] if error.args else error)
        for name in ("token", "refresh_token", "client_secret"):
            secret = getattr(self._credentials, name, None)
            if isinstance(secret, str) and secret:
                text = text.replace(secret, "***")
        line = "".join(letter if letter.isprintable() else " " for letter in text).strip()[:SHOWN_CHARACTERS]
        return line if line.endswith((".", "!")) else f"{line}."


def _read(file: Path) -> dict[str, Any]:
    """The credentials file, looked at; ConfigError names the key and what is wrong, never the content."""
    try:
        info = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"live.vertex.credentials_file: {file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ConfigError(f"live.vertex.credentials_file: {file} is not JSON") from None
    if not isinstance(info, dict) or info.get("type") not in FILE_KINDS:
        raise ConfigError(
            f"live.vertex.credentials_file: {file}: expected `type` {' or '.join(FILE_KINDS)} "
            "(for other kinds set GOOGLE_APPLICATION_CREDENTIALS)"
        )
    return info
