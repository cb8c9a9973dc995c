"""A local server runs what its own pages ask for, and nothing else."""

import http.client
import json
import re
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server
from wsgiref.util import FileWrapper

import pytest
from lesson_helpers import PATH, block, parse

from lessons_src.engine.live.laboratory import Laboratory
from lessons_src.engine.live.rerun import digest

PAGE = b"<html><head></head><body>A page</body></html>"
LESSON = parse(block("x = 1"), block("x + 1", "2"))


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True  # as MkDocs' is


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def site(environ: Any, start_response: Any) -> Any:
    """A site of two pages and one picture. As in MkDocs' own, a page is a file, and an error is not."""
    path = environ["PATH_INFO"]
    kind = "image/png" if path.endswith(".png") else "text/html"
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(PAGE)))])
    return FileWrapper(BytesIO(PAGE)) if path == "/" else [PAGE]


class Served:
    """A laboratory at a port of this machine, and what a page asks of it."""

    def __init__(self) -> None:
        self.lessons = {PATH: LESSON}
        self.laboratory = Laboratory(site, self.lessons)
        self.server = make_server("127.0.0.1", 0, self.laboratory, _Server, _Quiet)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=lambda: self.server.serve_forever(0.05))
        self.thread.start()
        self.token = self.token_of(self.get("/")[2])

    def token_of(self, page: str) -> str:
        (token,) = re.findall('<meta name="lesson-token" content="(.+?)">', page)
        return str(token)

    def get(self, path: str, **headers: str) -> tuple[int, http.client.HTTPMessage, str]:
        return self.send("GET", path, "", headers)

    def send(
        self, method: str, path: str, body: str, headers: dict[str, str]
    ) -> tuple[int, http.client.HTTPMessage, str]:
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request(method, path, body or None, headers)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, response.headers, text

    def headers(self, **changed: str | None) -> dict[str, str]:
        """Those of a page of this server, but for the changes; `Host=None` leaves one out."""
        headers: dict[str, str | None] = {
            "Content-Type": "application/json",
            "Origin": f"http://{self.host}",
            "Host": self.host,
            "X-Lesson-Token": self.token,
        }
        headers |= {name.replace("_", "-"): value for name, value in changed.items()}
        return {name: value for name, value in headers.items() if value is not None}

    def body(self, **changed: object) -> str:
        asked = {"lesson": PATH, "digest": digest(self.lessons[PATH]), "edits": {}, "block": 1}
        return json.dumps(asked | changed)

    def run(self, body: str | None = None, method: str = "POST", **headers: str | None) -> tuple[int, str]:
        """Ask for a run; return the status and what is said."""
        body = self.body() if body is None else body
        status, _, text = self.send(method, "/_live/run", body, self.headers(**headers))
        return status, text

    def refusal(
        self, body: str | None = None, method: str = "POST", **headers: str | None
    ) -> tuple[int, str]:
        status, text = self.run(body, method, **headers)
        return status, json.loads(text)["error"]


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    yield made
    made.laboratory.close()
    made.server.shutdown()
    made.thread.join()
    made.server.server_close()


def request(headers: dict[str, str]) -> bytes:
    """The head of a request for a run."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST /_live/run HTTP/1.0\r\n{head}\r\n".encode()


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines() if line]


@pytest.fixture
def directories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the runs of this test have their directories."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for what must come; a limit here is no measure of time."""
    for _ in range(1200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it has not come")


# A run


def test_a_page_gets_each_block_as_it_ends(served: Served) -> None:
    status, text = served.run(served.body(edits={"0": "x = 41"}))
    assert status == 200
    count, *ended = events(text)
    assert count == {"count": 2}
    assert (ended[0]["block"], ended[0]["html"]) == (0, "")
    assert "<samp>42</samp>" in ended[1]["html"]
    assert not ended[1]["failed"]


def test_a_page_gets_what_a_block_prints_while_it_runs(served: Served, tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = f"import os, time\nprint('now')\nwhile not os.path.exists({str(go)!r}):\n    time.sleep(0.01)"
    body = served.body(edits={"0": code}, block=0)
    with socket.create_connection(("127.0.0.1", served.server.server_port), timeout=60) as page:
        page.sendall(request(served.headers(Content_Length=str(len(body)))) + body.encode())
        answer = page.makefile()
        said = next(json.loads(row) for row in answer if "so_far" in row)
        assert (said["block"], "<samp>now</samp>" in said["so_far"]) == (0, True)
        go.touch()
        ended = next(json.loads(row) for row in answer if "html" in row)
        assert ("<samp>now</samp>" in ended["html"], ended["failed"]) == (True, False)


def test_what_raises_is_the_last_and_says_where(served: Served) -> None:
    _, text = served.run(served.body(edits={"0": "y"}))
    (last,) = events(text)[1:]
    assert (last["failed"], last["error_block"], last["error_line"]) == (True, 0, 1)


def test_a_page_that_is_loaded_gets_the_script_and_other_files_are_as_they_were(served: Served) -> None:
    assert "lesson-token" in served.get("/missing/")[2]
    _, headers, page = served.get("/")
    assert page.index("/_live/laboratory.js") < page.index("</head>")
    assert int(headers["Content-Length"]) == len(page)
    assert served.get("/picture.png")[2] == PAGE.decode()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("laboratory.js", "text/javascript"), ("laboratory.css", "text/css"), ("editor.js", "text/javascript")],
)
def test_the_scripts_lie_in_the_package(served: Served, name: str, kind: str) -> None:
    status, headers, text = served.get(f"/_live/{name}")
    assert (status, headers["Content-Type"]) == (200, kind)
    assert text == (Path(__file__).parents[2] / "lessons_src/engine/live" / name).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["", "x.js", "laboratory.py", "../page.py", "..%2f..%2fpalette.py", "editor"]
)
def test_nothing_else_of_the_package_is_served(served: Served, name: str) -> None:
    assert served.get(f"/_live/{name}")[0] == 404


# Who may ask


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_any_name_of_this_machine_may_ask_also_by_way_of_another_port(served: Served, name: str) -> None:
    for port in (served.server.server_port, 12345):
        assert served.run(Host=f"{name}:{port}", Origin=f"http://{name}:{port}")[0] == 200


@pytest.mark.parametrize("token", ["", "wrong", "ü", None])
def test_a_wrong_token_is_refused(served: Served, token: str | None) -> None:
    status, why = served.refusal(X_Lesson_Token=token and token.encode().decode("latin-1"))
    assert (status, why[:34]) == (403, "the server has started again since")


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "null",
        None,
        "http://localhost:1",
        "https://{host}",
        "http://{host}.evil.example",
    ],
)
def test_a_page_of_another_site_is_refused(served: Served, origin: str | None) -> None:
    status, why = served.refusal(Origin=origin and origin.format(host=served.host))
    assert (status, why[:41]) == (403, "the origin must be a page of this server,")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "", "192.168.0.9", "["]
)
def test_another_name_for_this_machine_is_refused_and_its_page_gets_no_token(
    served: Served, host: str
) -> None:
    status, why = served.refusal(Host=host, Origin=f"http://{host}")
    assert (status, why[:30]) == (403, "the host must be this machine,")
    assert "lesson-token" not in served.get("/", Host=host)[2]


@pytest.mark.parametrize("method", ["GET", "PUT", "OPTIONS"])
def test_only_a_post_runs(served: Served, method: str) -> None:
    assert served.refusal(served.body(), method) == (405, "a run must be asked for by POST")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
def test_only_json_runs_which_a_form_of_another_site_cannot_send(served: Served, kind: str | None) -> None:
    assert served.refusal(Content_Type=kind)[0] == 415
    assert served.run(Content_Type="application/json; charset=utf-8")[0] == 200


def test_more_than_a_megabyte_is_refused_with_its_size(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.server.server_port), timeout=60) as page:
        page.sendall(request(served.headers(Content_Length="1048577")))
        answer = page.makefile().read()
    assert answer.startswith("HTTP/1.0 413 ")
    assert (
        "your edits have 1,048,577 bytes, and the most that is run are 1,048,576: make them shorter" in answer
    )


def test_a_request_without_a_length_is_refused(served: Served) -> None:
    with socket.create_connection(("127.0.0.1", served.server.server_port), timeout=60) as page:
        page.sendall(request(served.headers()))
        assert page.makefile().read().startswith("HTTP/1.0 411 ")


@pytest.mark.parametrize(
    "body",
    ["", "{", "[]", "3", '{"lesson": []}', '{"lesson": "x"}'],
)
def test_what_is_no_request_is_refused(served: Served, body: str) -> None:
    status, why = served.refusal(body or " ")
    assert (status, why[:26]) == (400, "the request must be what l")


@pytest.mark.parametrize("changed", [{"edits": []}, {"edits": {"a": "1"}}, {"block": "b"}, {"block": 9}])
def test_a_request_for_no_block_is_refused(served: Served, changed: dict[str, object]) -> None:
    assert served.refusal(served.body(**changed))[0] == 400


def test_a_page_that_is_older_than_its_lesson_is_told_to_reload(served: Served) -> None:
    old = served.body()
    served.lessons[PATH] = parse(block("x = 2"), block("x + 1", "3"))
    assert served.refusal(old) == (
        409,
        "the lesson has changed since this page was loaded: reload it, your edits are kept",
    )
    assert served.refusal(served.body(lesson="docs/other.md"))[0] == 409
    assert served.run(served.body())[0] == 200


# The end of a run


def start(served: Served, directories: Path) -> socket.socket:
    """A page whose run goes on without end, and has its directory."""
    before = len(list(directories.iterdir()))
    body = served.body(edits={"0": "while True: pass"})
    page = socket.create_connection(("127.0.0.1", served.server.server_port), timeout=60)
    page.sendall(request(served.headers(Content_Length=str(len(body)))) + body.encode())
    wait_until(lambda: len(list(directories.glob("lesson-*/work"))) > before)
    return page


def test_a_page_that_goes_away_ends_its_run_and_leaves_nothing(served: Served, directories: Path) -> None:
    start(served, directories).close()
    wait_until(lambda: not served.laboratory._runs)
    assert not list(directories.iterdir())


def test_two_pages_run_at_once_and_one_that_ends_leaves_the_other_alone(
    served: Served, directories: Path
) -> None:
    with start(served, directories), start(served, directories) as other:
        assert len(served.laboratory._runs) == 2
        other.close()
        wait_until(lambda: len(served.laboratory._runs) == 1)
        assert served.run()[0] == 200
        assert len(served.laboratory._runs) == 1


def test_a_server_that_ends_ends_its_runs_and_starts_no_other(served: Served, directories: Path) -> None:
    with start(served, directories) as page:
        served.laboratory.close()
        assert not list(directories.iterdir())
        head, _, said = page.makefile(newline="").read().partition("\r\n\r\n")
        assert (head[:15], events(said)) == ("HTTP/1.0 200 OK", [{"count": 2}])
    assert served.run() == (200, "")
