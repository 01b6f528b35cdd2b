#!/usr/bin/python3
"""A GuardProvider: says whether a payment may go through.

    python3 examples/guard_provider/provider.py --listen 127.0.0.1:7072

and `swooshd --guard_provider=127.0.0.1:7072`. Ctrl-C ends it.
"""

import argparse
import concurrent.futures
import pathlib
import signal
import sys
import threading

# The messages and services as `./dev build` generates them.
ROOT = pathlib.Path(__file__).absolute().parent.parent.parent
for folder in (ROOT / "proto", ROOT / "bazel-bin" / "proto"):
    if (folder / "swoosh/v1/guard_pb2_grpc.py").exists():
        sys.path.insert(0, str(folder))

try:
    import grpc
    from swoosh.v1 import guard_pb2, guard_pb2_grpc
except ImportError as error:
    sys.exit(f"{error}: run ./dev build first, and this with /usr/bin/python3")

AMOUNT_MAX = 1000
COUNTRIES_BLOCKED = ("XX",)
# swooshd asks about so many at once, and gives up on an answer after 2 seconds: be quick.
THREADS = 16


def risk(instance, data):
    """(allowed, reason) for a payment: an instance of payment.json, and the event's data."""
    amount = instance.context["amount"]
    country = instance.context["country"]
    if amount > AMOUNT_MAX and "approved_by" not in data:
        return False, f"{amount:g} is more than {AMOUNT_MAX}, and nobody approved it"
    if country in COUNTRIES_BLOCKED:
        return False, f"payments from {country} are blocked"
    return True, ""


GUARDS = {"risk": risk}


class Provider(guard_pb2_grpc.GuardProviderServicer):
    """Decides by what it is shown, and has no effects: it may be asked twice for one event."""

    def Evaluate(self, request, context):  # noqa: N802  (gRPC's name)
        guard = GUARDS.get(request.guard)
        if guard is None:
            # An error is no answer: the proposal is refused as a whole.
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no guard {request.guard}")
        allowed, reason = guard(request.instance, request.data)
        verdict = "yes" if allowed else f"no: {reason}"
        print(f"{request.guard} {request.namespace}/{request.instance.id}: {verdict}", flush=True)
        return guard_pb2.EvaluateResponse(allowed=allowed, reason=reason)


def listen_on(server, arguments):
    """The port, or 0."""
    try:
        if arguments.tls_cert is None:
            return server.add_insecure_port(arguments.listen)
        roots = arguments.tls_client_ca and arguments.tls_client_ca.read_bytes()
        pair = (arguments.tls_key.read_bytes(), arguments.tls_cert.read_bytes())
        credentials = grpc.ssl_server_credentials([pair], roots, require_client_auth=bool(roots))
        return server.add_secure_port(arguments.listen, credentials)
    except RuntimeError:
        return 0


def main():
    parser = argparse.ArgumentParser(description="Answers the external guards of payment.json.")
    parser.add_argument(
        "--listen", default="127.0.0.1:7072", metavar="HOST:PORT", help="port 0 is a free one"
    )
    for flag, text in (
        ("--tls_cert", "of its certificate: it is asked through TLS then"),
        ("--tls_key", "of the certificate's key"),
        ("--tls_client_ca", "of the roots of clients' certificates: they must have one then"),
    ):
        parser.add_argument(flag, type=pathlib.Path, metavar="FILE", help=f"PEM file {text}")
    arguments = parser.parse_args()

    server = grpc.server(concurrent.futures.ThreadPoolExecutor(THREADS))
    guard_pb2_grpc.add_GuardProviderServicer_to_server(Provider(), server)
    port = listen_on(server, arguments)
    if port == 0:
        sys.exit(f"can't listen on {arguments.listen}")
    server.start()
    print(f"listening on {arguments.listen.rpartition(':')[0]}:{port}", flush=True)

    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stop.wait()
    server.stop(grace=1).wait()


if __name__ == "__main__":
    main()
