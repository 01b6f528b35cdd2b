"""The external guard of the ledger, as a program: ledger_guard.py --listen HOST:PORT."""

import argparse
import concurrent.futures
import threading

import grpc
import ledger
import swoosh_server  # noqa: F401  (it knows where the generated modules are)
from swoosh.v1 import guard_pb2, guard_pb2_grpc

THREADS = 4


class Provider(guard_pb2_grpc.GuardProviderServicer):
    """Says what ledger.guard_allows does, and as a reason the count that it was shown."""

    def Evaluate(self, request, context):  # noqa: N802  (gRPC's name)
        if request.guard != ledger.GUARD:
            context.abort(grpc.StatusCode.NOT_FOUND, f"there is no guard {request.guard}")
        count = int(request.instance.context["count"])
        return guard_pb2.EvaluateResponse(
            allowed=ledger.guard_allows(count), reason=f"of context.count ({count})"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--listen", required=True, metavar="HOST:PORT")
    listen = parser.parse_args().listen
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(THREADS))
    guard_pb2_grpc.add_GuardProviderServicer_to_server(Provider(), server)
    port = server.add_insecure_port(listen)
    server.start()
    print(f"listening on {listen.rpartition(':')[0]}:{port}", flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
