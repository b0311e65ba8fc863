"""A certificate authority and a server's certificate for 127.0.0.1, made by openssl for a test."""

from __future__ import annotations

from pathlib import Path

import msgspec

from servers.process import HOST, binary, run


class Tls(msgspec.Struct, frozen=True):
    """Files: the authority's certificate; a certificate and its key, for servers and clients alike."""

    ca: Path
    certificate: Path
    key: Path


def make_tls(directory: Path) -> Tls:
    """All three, in a new directory; valid for a day."""
    openssl = binary("openssl", "openssl")
    directory.mkdir()
    made = Tls(directory / "ca.pem", directory / "server.pem", directory / "server.key")
    ca_key, request, extension = directory / "ca.key", directory / "server.csr", directory / "san"
    extension.write_text(f"subjectAltName=IP:{HOST},DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n")
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    new = ("req", "-x509", *curve, "-days", "1", "-subj", "/CN=test authority")
    run((openssl, *new, "-keyout", str(ca_key), "-out", str(made.ca)), directory)
    ask = ("req", *curve, "-subj", "/CN=holdfast", "-keyout", str(made.key), "-out", str(request))
    run((openssl, *ask), directory)
    sign = ("x509", "-req", "-in", str(request), "-CA", str(made.ca), "-CAkey", str(ca_key), "-CAcreateserial")
    run((openssl, *sign, "-days", "1", "-extfile", str(extension), "-out", str(made.certificate)), directory)
    made.key.chmod(0o600)
    return made
