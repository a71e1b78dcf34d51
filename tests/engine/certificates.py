"""Certificates made by the test, and the file of their authority."""

import ssl
from datetime import UTC, datetime
from pathlib import Path

import trustme


def tls_for(name: str, authority: Path, *, expired: bool = False) -> ssl.SSLContext:
    """What a server called `name` speaks https with.

    Args:
        name: a host's name or number.
        authority: the certificate that SSL_CERT_FILE may name is written here.
        expired: whether its time is over.
    """
    ca = trustme.CA()
    ca.cert_pem.write_to_path(str(authority))
    over = datetime(2020, 1, 1, tzinfo=UTC) if expired else None
    began = datetime(2019, 1, 1, tzinfo=UTC) if expired else None
    certificate = ca.issue_cert(name, not_before=began, not_after=over)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context
