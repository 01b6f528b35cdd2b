"""A client of the HTTP port: requests as they are, JSON, and server-sent events."""

import contextlib
import http.client
import json
import socket

SECONDS_MAX = 30


class Answer:
    def __init__(self, response, body):
        self.code = response.status
        self.headers = response.headers
        self.body = body

    @property
    def json(self):
        assert self.headers["Content-Type"] == "application/json", self.headers.items()
        return json.loads(self.body)

    @property
    def reason(self):
        """Of an error: that of ErrorInfo, or "" where there is none."""
        found = (detail.get("reason") for detail in self.json.get("details", ()))
        return next((reason for reason in found if reason), "")


def connect(server):
    """A new connection, with TLS if the server has it."""
    if server.https is None:
        return http.client.HTTPConnection(server.http_address, timeout=SECONDS_MAX)
    return http.client.HTTPSConnection(
        server.http_address, timeout=SECONDS_MAX, context=server.https
    )


def ask(server, path, method="GET", body=None, headers=()):
    """One request on a connection of its own. A body that is no bytes or text is sent as JSON."""
    headers = dict(headers)
    if body is not None and not isinstance(body, bytes | str):
        body = json.dumps(body)
        headers.setdefault("Content-Type", "application/json")
    connection = connect(server)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Answer(response, response.read())
    finally:
        connection.close()


def submit(server, *transitions, **fields):
    return ask(server, "/v1/submit", "POST", {"transitions": transitions, **fields})


class Refused(Exception):
    """A stream was answered by an error: .answer."""

    def __init__(self, answer):
        super().__init__(f"{answer.code} {answer.body}")
        self.answer = answer


class Event:
    def __init__(self, fields):
        self.id = fields.get("id")
        self.type = fields.get("event", "message")
        self.json = json.loads(fields["data"])


class EventSource:
    """The events of /v1/watch, as they come: an iterator, which ends with the stream."""

    def __init__(
        self, server, query="", last_event_id=None, receive_buffer_bytes=None, headers=()
    ):
        """Refused: there is no stream. `receive_buffer_bytes`: to be a slow reader soon."""
        self.ended_cleanly = False
        host, _, port = server.http_address.rpartition(":")
        self._connection = connect(server)
        self._socket = socket.socket()
        self._socket.settimeout(SECONDS_MAX)
        if receive_buffer_bytes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        try:
            self._socket.connect((host, int(port)))
            if server.https is not None:
                self._socket = server.https.wrap_socket(self._socket, server_hostname=host)
            self._connection.sock = self._socket
            headers = dict(headers)
            if last_event_id is not None:
                headers["Last-Event-ID"] = last_event_id
            self._connection.request("GET", f"/v1/watch?{query}", headers=headers)
            self._response = self._connection.getresponse()
            if self._response.status != 200:
                raise Refused(Answer(self._response, self._response.read()))
        except BaseException:
            self.close()
            raise

    @property
    def headers(self):
        return self._response.headers

    def __iter__(self):
        return self

    def __next__(self):
        fields = {}
        while True:
            line = self._response.readline().decode()
            if not line:
                # A stream that was cut off has no last chunk, and raises or ends in a line.
                self.ended_cleanly = not fields
                raise StopIteration
            if line == "\n":
                if "data" in fields:
                    return Event(fields)
                fields = {}
                continue
            name, _, value = line.rstrip("\n").partition(":")
            fields[name] = value.removeprefix(" ")

    def change(self):
        """The next event with changes; None at the end."""
        return next((event for event in self if event.json.get("changes")), None)

    def close(self):
        # The response keeps the connection open otherwise.
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._connection.close()
