"""Certificates for tests, made with the openssl command."""

import ssl
import subprocess

KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]


def _openssl(*arguments):
    done = subprocess.run(
        ["/usr/bin/openssl", *map(str, arguments)], capture_output=True, text=True, timeout=60
    )
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr}")


class Authority:
    """A root of its own, which issues certificates into a folder."""

    def __init__(self, folder, name="root"):
        self.folder = folder
        self.path = folder / f"{name}.pem"
        self._key = folder / f"{name}.key"
        _openssl("req", "-x509", *KEY, "-keyout", self._key, "-out", self.path,
                 "-subj", f"/CN={name}", "-days", 2)  # fmt: skip

    def issue(self, name, alternative="", days=1):
        """Makes a certificate for the common name, with subject alternative names in openssl's
        words ("DNS:localhost,IP:127.0.0.1"). Returns the paths of certificate and key."""
        certificate, key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        request, extensions = self.folder / f"{name}.csr", self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={alternative}\n" if alternative else "")
        _openssl("req", *KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        _openssl("x509", "-req", "-in", request, "-CA", self.path, "-CAkey", self._key,
                 "-CAcreateserial", "-days", days, "-extfile", extensions,
                 "-out", certificate)  # fmt: skip
        return certificate, key


def server_certificate(authority, name="server", days=1):
    """Of a server on loopback."""
    return authority.issue(name, "DNS:localhost,IP:127.0.0.1", days)


def https(authority, client=None):
    """The ssl.SSLContext of a client that believes the authority, and has the certificate of a pair
    of paths, if there is one."""
    context = ssl.create_default_context(cafile=authority.path)
    if client is not None:
        context.load_cert_chain(*client)
    return context
