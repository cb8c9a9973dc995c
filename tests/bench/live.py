"""How long a reader waits for an edited block, and for the same blocks in a restarted Jupyter kernel."""

import http.client
import json
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from jupyter_client.manager import KernelManager

from lessons_src.engine.lesson import Lesson
from lessons_src.engine.live.laboratory import Laboratory
from lessons_src.engine.live.rerun import Rerun, digest
from lessons_src.engine.parsing import read_lesson
from lessons_src.engine.running import Run

ROOT = Path(__file__).parents[2]
RUNS = 20
RESTARTS = 4


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def main() -> None:
    print(f"\nA block that a reader runs, from request to output: median of {RUNS}; Jupyter: of {RESTARTS}")
    print(f"{'':<38}{'ours':>8}{'it runs':>10}{'restarted kernel':>18}")
    ratios = []
    for path in sorted(ROOT.glob("docs/lessons/*.md")):
        lesson = read_lesson(path, ROOT)
        numbers = [number for number, block in enumerate(lesson.blocks) if block.is_run]
        with _laboratory(lesson) as ask:
            ask(numbers[-1])  # the server's imports
            slowest = max(numbers, key=lambda number: min(ask(number), ask(number)))
            for what, last in [("first block", numbers[0]), ("slowest block", slowest)]:
                same = Rerun(lesson, {}, last).lesson
                ours, runs, peer = [], [], []
                for _ in range(RESTARTS):  # in turns: the machine's own speed changes within minutes
                    ours += [ask(last) for _ in range(RUNS // RESTARTS)]
                    runs += [_seconds(same) for _ in range(RUNS // RESTARTS)]
                    peer.append(_in_jupyter(same))
                waits = [statistics.median(seconds) for seconds in (ours, runs, peer)]
                ratios.append(waits[2] / waits[0])
                name = f"{path.stem}, {what}"
                print("{:<38}{:6.2f} s{:8.2f} s{:10.2f} s{:7.1f} x".format(name, *waits, ratios[-1]))
    print("aims: a first block 0.3 s, any block what it runs + 0.3 s, 8 times faster than Jupyter")
    print(f"least: {min(ratios):.1f} times")


@contextmanager
def _laboratory(lesson: Lesson) -> Iterator[Callable[[int], float]]:
    """Serve `lesson`; the function given runs it up to a block, and returns the seconds until its output."""
    laboratory = Laboratory(_page, {lesson.path: lesson})
    server = make_server("127.0.0.1", 0, laboratory, _Server, _Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    host = f"127.0.0.1:{server.server_port}"

    def ask(method: str, path: str, body: str, headers: dict[str, str]) -> Iterator[bytes]:
        connection = http.client.HTTPConnection(host)
        connection.request(method, path, body, headers)
        yield from connection.getresponse()
        connection.close()

    page = b"".join(ask("GET", "/", "", {})).decode()
    token = page.partition('content="')[2].partition('"')[0]

    def run(last: int) -> float:
        edits = {str(last): lesson.blocks[last].code + "\n"}
        wanted = {"lesson": lesson.path, "digest": digest(lesson), "edits": edits, "block": last}
        headers = {"Content-Type": "application/json", "X-Lesson-Token": token, "Origin": f"http://{host}"}
        start = time.perf_counter()
        for line in ask("POST", "/_live/run", json.dumps(wanted), headers):
            if line.strip() and json.loads(line).get("block") == last:
                return time.perf_counter() - start
        raise AssertionError("the run ended early")

    try:
        yield run
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        laboratory.close()


def _page(environ: Any, start_response: Any) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/html")])
    return [b"<head></head>"]


def _seconds(lesson: Lesson) -> float:
    """How long the blocks take, as a reader runs them, without the start of their process."""
    run = Run(lesson, unseen=len(lesson.blocks) - 1)
    run.result()
    return run.seconds


def _in_jupyter(lesson: Lesson) -> float:
    """How long the same blocks take in a kernel, from its restart on."""
    manager = KernelManager()
    manager.start_kernel(stderr=subprocess.DEVNULL)  # it warns on every start
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=120)
    start = time.perf_counter()
    manager.restart_kernel(now=True)
    client.wait_for_ready(timeout=120)
    for block in lesson.blocks:
        client.execute_interactive(
            block.code, store_history=False, output_hook=lambda _: None, stop_on_error=False
        )
    seconds = time.perf_counter() - start
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    return seconds
