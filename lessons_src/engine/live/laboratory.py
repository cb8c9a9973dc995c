"""The part of a local server that runs a page's blocks as its reader has edited them.

It is a WSGI application around that of the server: it answers what is under `/_live/`, and adds one
script to each page. It runs code for whoever asks, so it answers only pages of this very server:
SECURITY.md says what that means.
"""

import hmac
import json
import secrets
import threading
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import CancelledError
from dataclasses import asdict
from http import HTTPStatus
from importlib.resources import files
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lessons_src.engine.lesson import Lesson
from lessons_src.engine.live.rerun import Rerun, digest

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_FOLDER = "/_live/"
_RUN = _FOLDER + "run"
_TYPES = {".js": "text/javascript", ".css": "text/css"}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_MAX_BODY = 2**20  # Bytes
# Seconds between two lines: an empty one says that the run goes on, and fails if the page is gone.
_HEARTBEAT = 0.2


class _Refused(Exception):  # noqa: N818
    """A request that is not answered, and why."""

    def __init__(self, status: HTTPStatus, why: str) -> None:
        super().__init__(why)
        self.status = status


class Laboratory:
    """Wraps the WSGI application `site`. `lessons` has the lessons of its pages, by the names that pages use.

    Call `close` at the end, which ends all runs.
    """

    def __init__(self, site: "WSGIApplication", lessons: Mapping[str, Lesson]) -> None:
        self._site = site
        self._lessons = lessons
        self._token = secrets.token_urlsafe()
        self._runs: dict[Rerun, threading.Thread] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer a request."""
        path = environ["PATH_INFO"]
        if not path.startswith(_FOLDER):
            return self._page(environ, start_response)
        try:
            if path != _RUN:
                return _file(path.removeprefix(_FOLDER), start_response)
            rerun = self._rerun(self._checked_body(environ))
        except _Refused as refused:
            status = f"{refused.status.value} {refused.status.phrase}"
            start_response(status, [("Content-Type", "application/json")])
            return [_line({"error": str(refused)})]
        start_response("200 OK", [("Content-Type", "application/x-ndjson"), ("Cache-Control", "no-store")])
        return self._follow(rerun)

    def close(self) -> None:
        """End all runs, and start no other."""
        with self._lock:
            self._is_closed = True
            runs = dict(self._runs)
        for rerun in runs:
            rerun.stop()
        for thread in runs.values():
            thread.join()

    def _page(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Return what the site answers; to a page, add the script and the token."""
        answers: list[Any] = []
        result = self._site(environ, lambda *answer: answers.append(answer))  # type: ignore[arg-type]
        status, headers = answers[0][:2]
        # A request that names another host, which may be someone else's page, gets no token.
        if dict(headers).get("Content-Type") != "text/html" or not _is_own_host(environ):
            start_response(status, headers)
            return result
        page = b"".join(result)
        if close := getattr(result, "close", None):
            close()
        added = (
            f'<meta name="lesson-token" content="{self._token}">'
            f'<link rel="stylesheet" href="{_FOLDER}editor.css">'
            f'<link rel="stylesheet" href="{_FOLDER}laboratory.css">'
            f'<script type="module" src="{_FOLDER}laboratory.js"></script>'
        )
        page = page.replace(b"</head>", added.encode() + b"</head>", 1)
        kept = [header for header in headers if header[0] != "Content-Length"]
        start_response(status, [*kept, ("Content-Length", str(len(page)))])
        return [page]

    def _checked_body(self, environ: "WSGIEnvironment") -> bytes:
        """Return the body of a request that comes from a page of this server, and refuse any other."""
        if environ["REQUEST_METHOD"] != "POST":
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "a run must be asked for by POST")
        if not _is_own_host(environ):
            raise _Refused(
                HTTPStatus.FORBIDDEN, f"the host must be this machine, not {environ.get('HTTP_HOST')!r}"
            )
        origin = environ.get("HTTP_ORIGIN")
        if origin != f"http://{environ['HTTP_HOST']}":
            raise _Refused(HTTPStatus.FORBIDDEN, f"the origin must be a page of this server, not {origin!r}")
        token = environ.get("HTTP_X_LESSON_TOKEN", "")
        if not hmac.compare_digest(token.encode(), self._token.encode()):
            raise _Refused(
                HTTPStatus.FORBIDDEN,
                "the server has started again since this page was loaded: reload it, your edits are kept",
            )
        if environ.get("CONTENT_TYPE", "").partition(";")[0] != "application/json":
            raise _Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "the request must be JSON")
        length = environ.get("CONTENT_LENGTH", "")
        if not length.isdecimal():
            raise _Refused(HTTPStatus.LENGTH_REQUIRED, "the request must say how long it is")
        if int(length) > _MAX_BODY:
            raise _Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"your edits have {int(length):,} bytes, and the most that is run are {_MAX_BODY:,}: "
                "make them shorter",
            )
        body: bytes = environ["wsgi.input"].read(int(length))
        return body

    def _rerun(self, body: bytes) -> Rerun:
        """Return the run that a request asks for."""
        try:
            wanted = json.loads(body)
            lesson = self._lessons.get(wanted["lesson"])
            edits = {int(number): str(code) for number, code in wanted["edits"].items()}
            if lesson is None or wanted["digest"] != digest(lesson):
                raise _Refused(
                    HTTPStatus.CONFLICT,
                    "the lesson has changed since this page was loaded: reload it, your edits are kept",
                )
            return Rerun(lesson, edits, int(wanted["block"]))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise _Refused(
                HTTPStatus.BAD_REQUEST,
                f"the request must be what laboratory.js sends, not one that raises {error!r}",
            ) from None

    def _follow(self, rerun: Rerun) -> Iterator[bytes]:
        """Yield a line for each event of a run. When the page closes the request, the run ends."""
        events: SimpleQueue[dict[str, object] | None] = SimpleQueue()
        thread = threading.Thread(target=_report, args=(rerun, events))
        with self._lock:
            if self._is_closed:
                return
            self._runs[rerun] = thread
            thread.start()
        so_far = None
        try:
            yield _line({"count": len(rerun.lesson.blocks)})
            while True:
                try:
                    event = events.get(timeout=_HEARTBEAT)
                except Empty:
                    before, so_far = so_far, rerun.so_far()
                    if so_far is None or so_far == before:
                        yield b"\n"
                    else:
                        yield _line({"block": so_far[0], "so_far": so_far[1]})
                    continue
                if event is None:
                    return
                yield _line(event)
        finally:
            rerun.stop()
            thread.join()
            with self._lock:
                del self._runs[rerun]


def _report(rerun: Rerun, events: "SimpleQueue[dict[str, object] | None]") -> None:
    try:
        for ended in rerun:
            events.put(asdict(ended))
    except CancelledError:
        pass
    finally:
        events.put(None)


def _is_own_host(environ: "WSGIEnvironment") -> bool:
    """Tell whether the request names this machine. DNS rebinding sends one that names another.

    The port may be another one: a tunnel or a container may have moved it.
    """
    try:
        return urlsplit(f"//{environ.get('HTTP_HOST', '')}").hostname in _LOOPBACK
    except ValueError:  # it is no address at all
        return False


def _file(name: str, start_response: "StartResponse") -> list[bytes]:
    """Return a script or a style sheet of this folder."""
    found = {each.name: each for each in files(__package__).iterdir()}.get(name)
    kind = _TYPES.get(name[name.rfind(".") :]) if found else None
    if found is None or kind is None:
        raise _Refused(HTTPStatus.NOT_FOUND, f"there is no {name!r}")
    start_response("200 OK", [("Content-Type", kind), ("Cache-Control", "no-cache")])
    return [found.read_bytes()]


def _line(event: Mapping[str, object]) -> bytes:
    return json.dumps(event).encode() + b"\n"
