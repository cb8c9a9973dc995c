"""Get the runs that a site's build needs, from the cache or new, and say which one it waits for."""

import logging
import sys
from collections.abc import Iterable
from concurrent.futures import wait

from lessons_src.engine.caching import RunCache
from lessons_src.engine.lesson import Lesson, LessonRun
from lessons_src.engine.running import BackgroundRuns


class BuildRuns:
    """Start the runs of `lessons` that `cache` does not have, and report progress to `log`.

    `lessons` are in the order in which their results are needed. Call `stop` at the end, and after an error.
    """

    def __init__(self, lessons: Iterable[Lesson], cache: RunCache, log: logging.Logger) -> None:
        self._log = log
        found = [(lesson, cache.load(lesson)) for lesson in lessons if any(b.is_run for b in lesson.blocks)]
        self._known = {lesson.path: run for lesson, run in found if run}
        new = [lesson for lesson, run in found if run is None]
        log.info("lessons: %d to run, %d unchanged since their last run", len(new), len(self._known))
        self._background = BackgroundRuns(new)
        started = zip(new, self._background.runs, self._background.results, strict=True)
        self._waiting = {lesson.path: (run, future) for lesson, run, future in started}

    def result(self, lesson: Lesson) -> LessonRun:
        """Wait for the run of `lesson`, and return it."""
        if lesson.path in self._waiting:
            self._known[lesson.path] = self._wait_for(lesson.path)
        return self._known.get(lesson.path, LessonRun([]))

    def stop(self) -> None:
        """End the runs that have not finished."""
        self._background.stop()

    def _wait_for(self, path: str) -> LessonRun:
        run, future = self._waiting.pop(path)
        total = len(self._background.runs)
        number = f"lessons: {total - len(self._waiting)} of {total}"
        if sys.stderr.isatty() and self._log.isEnabledFor(logging.INFO):
            _rewrite_line(f"{number} runs: {path}")
            wait([future])
            _rewrite_line("")
        else:
            wait([future])
            self._log.info("%s run: %s (%.1f s)", number, path, run.seconds)
        return future.result()


def _rewrite_line(text: str) -> None:
    """Write `text` in place of the line that the terminal's cursor is in."""
    sys.stderr.write(f"\r\033[K{text}")
    sys.stderr.flush()
