"""What all of these tests share."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import certifi
import pytest

END_OF_CERTIFICATE = "-----END CERTIFICATE-----\n"


@pytest.fixture(scope="package", autouse=True)
def one_certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Google's client reads all certificates twice whenever one is made, 70 ms; nobody here needs more than one."""
    path = tmp_path_factory.mktemp("certificates") / "one.pem"
    first, _, _ = Path(certifi.where()).read_text(encoding="utf-8").partition(END_OF_CERTIFICATE)
    path.write_text(first + END_OF_CERTIFICATE, encoding="utf-8")
    assert ssl.create_default_context(cafile=path).cert_store_stats()["x509"] == 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(path))
        yield
