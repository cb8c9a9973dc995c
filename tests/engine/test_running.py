"""A lesson runs as Jupyter would run it, in a process of its own, and whatever it does ends with it."""

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import replace
from multiprocessing import forkserver
from pathlib import Path

import pytest
from lesson_helpers import PATH, block, failures, parse, result, run, shown

from lessons_src.engine.failures import check_lesson
from lessons_src.engine.lesson import Lesson, LessonRun
from lessons_src.engine.running import BackgroundRuns, Run, _Process, prepare
from lessons_src.engine.shown import read_shown

LIMIT = 1.0
ROOT = Path(__file__).parents[2]


def run_lessons(lessons: list[Lesson]) -> list[LessonRun]:
    """The runs of `lessons`, as many at a time as there are cores."""
    runs = BackgroundRuns(lessons)
    found = [future.result() for future in runs.results]
    runs.stop()
    return found


# What a block shows


def test_a_block_shows_what_it_prints_and_then_its_last_value() -> None:
    assert shown(block("print('a')\n'b'\n'c'")) == ["a\n'c'"]


def test_a_last_value_of_none_shows_nothing() -> None:
    assert shown(block("None"), block("print('a', end='')"), block("x = 1")) == ["", "a", ""]


def test_a_semicolon_at_the_end_silences_a_block() -> None:
    assert shown(block("1;"), block("1; # why"), block("'a;b'"), block("print(1);")) == ["", "", "'a;b'", "1"]


def test_a_value_is_shown_as_a_repr_in_full() -> None:
    assert shown(block("import torch\ntorch.tensor([1.0, 2.0])"), block("list(range(3)), 'a'")) == [
        "tensor([1., 2.])",
        "([0, 1, 2], 'a')",
    ]


def test_standard_error_is_a_part_of_what_is_shown_where_it_stands() -> None:
    assert shown(block("import sys\nprint(1)\nprint(2, file=sys.stderr)\nprint(3)")) == ["1\n2\n3"]


def test_standard_output_is_a_stream_that_can_be_written_to() -> None:
    assert shown(block("import sys\nsys.stdout.writable(), sys.stderr.readable()")) == ["(True, False)"]


@pytest.mark.parametrize(
    ("keep", "write"),
    [
        ("import logging\nlogging.basicConfig()", "logging.warning('kept')"),
        ("import sys\nout = sys.stdout", "print('WARNING:root:kept', file=out)"),
        ("import sys", "print('WARNING:root:kept', file=sys.__stdout__)"),
    ],
)
def test_a_stream_that_an_earlier_block_has_kept_writes_to_the_block_that_runs(keep: str, write: str) -> None:
    kept = "WARNING:root:kept"
    assert shown(block(keep), block(f"print(1)\n{write}\nprint(2)")) == ["", f"1\n{kept}\n2"]


CHILD = "import multiprocessing\ndef child(n):\n    print('child', n)\n"
START = "p = multiprocessing.Process(target=child, args=(1,))\np.start()\np.join()\n"


def test_what_a_child_prints_is_shown_in_the_order_in_which_it_came() -> None:
    found = result(run(parse(block(f"{CHILD}print(1)\n{START}print(2)"))))
    assert found.shown == "1\nchild 1\n2"
    assert [found.shown_by_line(offset) for offset in (0, 2, 10)] == [5, 4, 9]
    pool = "with multiprocessing.Pool(1) as pool:\n    pool.map(child, range(3));"
    assert shown(block(CHILD + START), block(pool)) == ["child 1", "child 0\nchild 1\nchild 2"]


def test_lines_of_several_children_do_not_mix() -> None:
    code = "import os\nfor n in range(3):\n    if os.fork() == 0:\n"
    code += "        for _ in range(300): print(n, 'a', 'b')\n        break\n"
    (found,) = shown(block(code + "else:\n    for _ in range(3): os.wait();"))
    rows = found.split("\n")
    assert (len(rows), sorted(set(rows))) == (900, ["0 a b", "1 a b", "2 a b"])


def test_half_of_what_a_child_writes_waits_for_the_rest(tmp_path: Path) -> None:
    file, found, start = tmp_path / "shown", [], 0
    for part in ('["one\\n", 2]\n["tw', 'o", 3]\n'):
        with file.open("a+") as child:
            child.write(part)
            child.flush()
            *shown, start = read_shown(child.fileno(), start)
        found.append(shown)
    assert found == [["one", [(0, 2)]], ["two", [(0, 3)]]]


def test_a_child_that_does_not_end_its_line_is_shown_too() -> None:
    assert shown(block("import os\nif os.fork() == 0: print('a', end='')\nelse: os.wait();")) == ["a"]


def test_a_child_that_raises_says_so_and_one_that_exits_does_not() -> None:
    code = "import os, sys\nif os.fork() == 0: {}\nelse: status = os.wait()[1]\nstatus > 0"
    assert shown(block(code.format("raise KeyError(1)"))) == ["KeyError: 1\nTrue"]
    assert shown(block(code.format("sys.exit()"))) == ["False"]


def test_a_warning_is_shown_as_one_line_without_its_place() -> None:
    code = "import warnings\nwarnings.warn('look')\nwarnings.warn('old', DeprecationWarning)"
    assert shown(block(code)) == ["UserWarning: look"]
    assert shown(block("import torch\nx = torch.ones(1, requires_grad=True) * 2\nx.grad"))[0].startswith(
        "UserWarning: The .grad attribute of a Tensor that is not a leaf"
    )


def test_a_traceback_in_a_warning_has_only_frames_of_the_lesson_and_the_project() -> None:
    code = "import torch\nw = torch.zeros(1, requires_grad=True)\n"
    code += "with torch.autograd.detect_anomaly():\n    y = w.sqrt().sum() * 0\n    y.backward()"
    found = result(run(parse("Text\n\n", block("1"), block(code))), 1)
    assert found.shown.split("\n")[1:] == [
        "UserWarning: Error detected in SqrtBackward0. Traceback of forward call that caused the error:",
        '  File "lesson block 2", line 4, in <module>',
        "    y = w.sqrt().sum() * 0",
    ]
    path = Path("lessons_src/regression.py").absolute()
    text = f'  File "{path}", line 7, in f\n    x\n    ^\n  File "/lib/x.py", line 1, in <module>\n    y\nz'
    assert shown(block(f"import warnings\nwarnings.warn({text!r})")) == [
        'UserWarning:   File "lessons_src/regression.py", line 7, in f\n    x\n    ^\nz'
    ]


def test_what_is_printed_while_something_else_is_printed_comes_once() -> None:
    code = "import weakref\nclass Node: pass\nfor i in range(2000):\n    a, b = Node(), Node()\n"
    code += "    a.other, b.other = b, a\n    weakref.finalize(a, print, 'freed', i)\n    print('step', i)"
    (found,) = shown(block(code))
    assert found.count("step") == 2000
    assert 0 < found.count("freed") <= 2000


def test_a_record_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    with (tmp_path / "shown").open("w+b") as file:
        file.write(b'\n["one\\n", 2]\n\n["tw\n["three", 3]\n')
        file.flush()
        assert read_shown(file.fileno(), 0)[:2] == ("one\nthree", [(0, 2), (4, 3)])


def test_only_text_can_be_written_to_standard_output() -> None:
    (failure,) = failures(block("import sys\nsys.stdout.write(b'x')"))
    assert "TypeError: write() argument must be str, not bytes" in failure


def test_a_lesson_that_deletes_the_files_of_its_run_goes_on_and_one_that_crashes_then_says_so() -> None:
    code = "import pathlib\nfor path in pathlib.Path.cwd().parent.glob('[sw]*n'): path.unlink()"
    assert shown(block(code), block("print(2)")) == ["", "2"]
    assert f"{ENDED} 3," in failures(block(f"{code}\nimport os\nos._exit(3)"))[0]


def test_a_child_that_prints_too_much_and_then_raises_ends_as_a_child() -> None:
    code = "import os\nif os.fork() == 0:\n    try: print('x' * 10**6)\n    except Exception: pass\n"
    (failure,) = failures(block(code + "    raise ValueError\nelse: os.wait();"))
    assert TOO_MUCH in failure


def test_what_is_displayed_is_shown_as_its_text() -> None:
    code = "from IPython.display import display, Markdown\ndisplay({'a': 1})\ndisplay(Markdown('*x*'))"
    assert shown(block(code)) == ["{'a': 1}\n<IPython.core.display.Markdown object>"]


def test_the_module_is_main_and_typing_and_pickling_find_its_names() -> None:
    code = "import pickle\nclass A: pass\n__name__, type(pickle.loads(pickle.dumps(A()))) is A"
    assert shown(block(code)) == ["('__main__', True)"]


def test_a_block_is_python_and_nothing_else() -> None:
    for code in ("%matplotlib inline", "!ls", "len?", "1 +"):
        (error,) = [result(run(parse(block(code, None, "raises")))).error]
        assert error is not None
        assert error.startswith("SyntaxError: ")


@pytest.mark.parametrize("odd", ["\f", "\u2028", "\x85"])
def test_characters_that_only_python_takes_for_a_line_end_run_and_show(odd: str) -> None:
    found = result(run(parse(block(f"x = 'a{odd}b'\nprint(len(x))\n1 / 0"))))
    assert (found.shown, found.error_line) == ("3", 4)


# Runs that are followed and stopped


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where lessons get their directories; that of the server is elsewhere."""
    prepare()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def wait_for(condition: Callable[[], object]) -> None:
    for _ in range(3000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it did not happen in 30 s")


def test_a_block_is_reported_before_the_next_one_ends(tmp_path: Path) -> None:
    go = tmp_path / "go"
    waiting = f"import os, time\nwhile not os.path.exists({str(go)!r}):\n    time.sleep(0.01)\n2"
    blocks = iter(Run(parse(block("1"), block(waiting))))
    assert next(blocks).shown == "1"
    go.touch()
    assert [found.shown for found in blocks] == ["2"]


def test_a_run_is_timed() -> None:
    running = Run(parse(block("import time\ntime.sleep(0.2)")))
    running.result()
    assert running.seconds > 0.2


def test_a_run_can_be_stopped_from_another_thread_with_all_that_it_started(directory: Path) -> None:
    code = "import os, time\npids = os.getpid(), os.fork() or time.sleep(1000)\npids"
    running = Run(parse(block(code), block("while True: x = 1")))
    blocks = iter(running)
    pids = [int(pid) for pid in next(blocks).shown.strip("()").split(",")]
    stopping = [threading.Timer(0.1 * number, running.stop) for number in (1, 1, 2)]
    for timer in stopping:
        timer.start()
    with pytest.raises(CancelledError):
        next(blocks)
    assert list(directory.iterdir()) == []
    assert all(_end_of(pid) for pid in pids)
    for timer in stopping:
        timer.join()


def test_a_run_that_nobody_follows_any_more_ends(directory: Path) -> None:
    blocks = iter(Run(parse(block("import os\nos.getpid()"), block("while True: x = 1"))))
    pid = int(next(blocks).shown)
    blocks.close()
    assert _end_of(pid)
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize("moment", ["connect_to_new_process", "read_signed", "mkdtemp", "dump"])
def test_a_run_can_be_stopped_at_each_moment_of_its_start(
    directory: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    module = next(m for m in (forkserver, tempfile, pickle) if hasattr(m, moment))
    real = getattr(module, moment)
    reached: list[object] = []

    def stop_then(*args: object, **kwargs: object) -> object:
        running.stop()
        result = real(*args, **kwargs)
        reached.append(result)
        return result

    monkeypatch.setattr(module, moment, stop_then)
    running = Run(parse(block("while True: x = 1")))
    with pytest.raises(CancelledError):
        running.result()
    assert reached
    assert list(directory.iterdir()) == []


def test_a_run_that_was_stopped_does_not_start(directory: Path) -> None:
    running = Run(parse(block("open('/dev/null')")))
    running.stop()
    with pytest.raises(CancelledError):
        running.result()


def test_a_run_that_is_over_can_be_stopped_and_nothing_happens() -> None:
    running = Run(parse(block("1")))
    found = running.result()
    running.stop()
    assert result(found).shown == "1"


def test_runs_from_many_threads_leave_this_process_as_it_was(directory: Path) -> None:
    run(parse(block("1")))  # which starts the server
    main, descriptors = sys.modules["__main__"], len(list(Path("/dev/fd").iterdir()))
    lessons = [parse(block(f"import os\nos._exit({i})")) for i in range(1, 25)]
    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(run, lessons))
    for number, lesson_run in enumerate(found, start=1):
        assert f"{ENDED} {number}," in (result(lesson_run).problem or "")
    assert sys.modules["__main__"] is main
    assert multiprocessing.active_children() == []
    assert len(list(Path("/dev/fd").iterdir())) == descriptors
    assert list(directory.iterdir()) == []


# Lessons in the background


def test_lessons_run_while_their_caller_does_something_else(tmp_path: Path) -> None:
    go = tmp_path / "go"
    code = f"import os, time\nwhile not os.path.exists({str(go)!r}):\n    time.sleep(0.01)"
    background = BackgroundRuns([parse(block(code)), parse(block("2"))])
    assert result(background.results[1].result()).shown == "2"
    assert not background.results[0].done()
    go.touch()
    assert result(background.results[0].result()).problem is None
    background.stop()


def test_lessons_that_are_stopped_have_no_result_and_leave_nothing(directory: Path) -> None:
    background = BackgroundRuns([parse(block("while True: x = 1")) for _ in range(5)])
    wait_for(lambda: list(directory.iterdir()))
    background.stop()
    background.stop()
    for future in background.results:
        with pytest.raises(CancelledError):
            future.result(timeout=0)
    assert list(directory.iterdir()) == []


def test_an_error_of_the_runner_is_raised_where_a_result_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    background = BackgroundRuns([parse(block("1"))] * 3)
    for future in background.results:
        with pytest.raises(FileNotFoundError, match="missing"):
            future.result()
    background.stop()


@pytest.fixture
def lose_the_server(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have one of the next answers of the server be what its end gives, without a new server's imports."""

    def lose(answer: int) -> None:
        real, answers = forkserver.read_signed, iter(range(1, answer + 1))

        def read(status: int) -> int:
            if next(answers, None) == answer:
                raise EOFError
            return int(real(status))

        monkeypatch.setattr(forkserver, "read_signed", read)

    return lose


def test_a_lesson_that_ends_with_its_server_says_so(lose_the_server: Callable[[int], None]) -> None:
    lose_the_server(2)  # the first is the lesson's process, the second how it ended
    (killed,) = run(parse(block("import os\nos._exit(1)"))).blocks
    assert killed
    assert killed.problem == (
        "the lesson's process ended with the server that it was forked from while this block ran"
    )


def test_a_lesson_whose_server_ends_at_its_start_starts_again(
    lose_the_server: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("lessons_src.engine.running.time.sleep", waits.append)
    lose_the_server(1)
    assert failures(block("1", "1")) == []
    assert waits == [1]


@pytest.mark.slow
def test_the_next_lessons_run_though_one_killed_the_server_they_are_forked_from() -> None:
    (killed,) = run(
        parse(block("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nsignal.pause()"))
    ).blocks
    assert killed
    assert killed.problem == (
        "the lesson's process ended with the server that it was forked from while this block ran"
    )
    assert failures(block("1", "1")) == []


@pytest.mark.slow
def test_a_server_that_is_killed_while_a_lesson_starts_is_replaced() -> None:
    prepare()
    server = forkserver._forkserver._forkserver_pid  # type: ignore[attr-defined]
    os.kill(server, signal.SIGSTOP)
    killing = threading.Timer(0.2, os.kill, (server, signal.SIGKILL))
    killing.start()
    assert failures(block("1", "1")) == []
    killing.join()


def test_a_report_that_is_cut_off_is_the_end_of_reports() -> None:
    process = _Process()
    assert process.shown(0) == ("", []), "before it has begun"
    process._reports.close()
    process._reports, sender = multiprocessing.Pipe(duplex=False)
    os.write(sender.fileno(), (1000).to_bytes(4, "big") + b"less than that")
    sender.close()
    with pytest.raises(EOFError):
        process.receive(time.monotonic() + 60)
    process.close()


# What lessons share


def test_the_blocks_of_a_lesson_share_one_namespace() -> None:
    assert shown(block("x = 1"), "Text\n\n", block("def f(): return x"), block("f()")) == ["", "", "1"]


def test_lessons_share_nothing() -> None:
    one = parse(block("import json\njson.secret = 1\nx = 1"))
    other = parse(block("import json\nhasattr(json, 'secret'), 'x' in globals()"))
    assert result(run_lessons([one, other])[1]).shown == "(False, False)"


def test_a_lesson_starts_from_the_same_seeds_every_time() -> None:
    code = "import random, numpy, torch\nprint(random.random(), numpy.random.rand(), torch.rand(1))"
    one, other = run_lessons([parse(block(code)), parse(block(code))])
    assert one.blocks == other.blocks
    fresh = "import random, numpy, torch\nrandom.seed(0); numpy.random.seed(0); torch.manual_seed(0);\n"
    assert shown(block(fresh + code)) == [result(one).shown]


@pytest.mark.slow
def test_sets_of_strings_have_the_same_order_in_every_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "script.py"
    code = "import os\nprint({'weight', 'bias', 'lr', 'momentum', 'beta'})\n'PYTHONHASHSEED' in os.environ"
    script.write_text(
        "import os\nfrom lessons_src.engine.parsing import parse_lesson\n"
        "from lessons_src.engine.running import run_lesson\n"
        f"print(run_lesson(parse_lesson({block(code)!r}, 'x.md')).blocks[0].shown)\n"
        "print(os.environ.get('PYTHONHASHSEED'))"
    )
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    there = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "5"},
    ).stdout
    (shown_here,) = shown(block(code))
    assert shown_here.endswith("}\nFalse")
    assert there == f"{shown_here}\n5\n"
    assert "PYTHONHASHSEED" not in os.environ


def test_what_a_lesson_keeps_in_its_shell_ends_with_it() -> None:
    kept = block("ip = get_ipython()\nprint(ip.db.get('kept'), 'x' in ip.user_ns)\nip.db['kept'] = x = 1")
    assert [shown(kept) for _ in range(2)] == [["None False"], ["None False"]]


def test_a_lesson_imports_nothing_that_its_shell_and_its_figures_need() -> None:
    # The collector does not see what was there before the lesson's process was forked.
    code = "import gc, sys\nnew = {id(thing) for thing in gc.get_objects()}\n"
    code += "sorted({name for name, module in sys.modules.items() if id(module) in new})"
    imported = shown(block(code))[0]
    assert "IPython" not in imported, imported
    assert "matplotlib" not in imported


def test_torch_runs_on_one_thread() -> None:
    assert shown(block("import torch\ntorch.get_num_threads()")) == ["1"]


def test_a_lesson_may_start_processes_of_its_own_as_a_script_on_linux_does() -> None:
    code = "import multiprocessing\ndef square(x): return x * x\nwith multiprocessing.Pool(2) as pool:\n"
    assert shown(block(code + "    found = pool.map(square, range(4))\nfound")) == ["[0, 1, 4, 9]"]


def test_a_lesson_works_in_an_empty_directory_that_goes_when_it_ends() -> None:
    code = "import os\nopen('left', 'w').close()\nos.mkdir('d')\nprint(os.getcwd())\nos.listdir()"
    found = result(run(parse(block("import os\nprint(os.listdir())"), block(code))), 1)
    directory = found.shown.split("\n")[0]
    assert "lesson-" in directory
    assert not Path(directory).exists()


def test_a_lesson_imports_the_project_as_it_is_now(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "lessons_src"
    package.mkdir()
    (package / "__init__.py").write_text("from lessons_src.part import answer\n")
    lesson = parse(block("import lessons_src\nlessons_src.answer"))
    monkeypatch.syspath_prepend(tmp_path)
    for answer in (1, 2):
        (package / "part.py").write_text(f"answer = {answer}\n")
        assert result(run(lesson)).shown == str(answer)
    assert not list(tmp_path.rglob("*.pyc"))


def test_a_lesson_does_not_import_the_script_that_runs_it() -> None:
    assert shown(block("import sys\n'pytest' in sys.modules")) == ["False"]


def test_results_come_in_the_order_of_the_lessons() -> None:
    lessons = [parse(block(f"import time\ntime.sleep({0.02 * (5 - i)})\n{i}")) for i in range(6)]
    assert [result(found).shown for found in run_lessons(lessons)] == list("012345")


def test_a_lesson_without_blocks_needs_no_process() -> None:
    assert run_lessons([parse("# Title\n"), parse("<!-- display-only: x -->\n```python\n1\n```\n")]) == [
        LessonRun([]),
        LessonRun([]),
    ]


def test_no_lessons_are_no_runs() -> None:
    assert run_lessons([]) == []


# What lessons draw


def test_a_figure_left_open_is_shown_once_as_svg() -> None:
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('Loss');"
    first, second = run(parse(block(code), block("x = 1"))).blocks
    assert first is not None
    assert second is not None
    (svg,) = first.figures
    assert "<svg" in svg
    assert ">Loss</text>" in svg
    assert (first.shown, second.figures) == ("", [])


def test_a_figure_that_an_earlier_block_has_shown_must_be_shown_again_when_it_changes() -> None:
    first = block(
        "import matplotlib.pyplot as plt\nfig, (ax, other) = plt.subplots(2)\nother.set_visible(False);"
    )
    found = run(parse(first, block("ax.get_xlim()\nfig.savefig('a.png')"), block("ax.plot([1, 2])\nfig")))
    assert [(len(result(found, i).figures), result(found, i).problem) for i in range(3)] == [
        (1, None),
        (0, None),
        (1, None),
    ]
    problem = result(run(parse(first, block("ax.plot([1, 2]);"))), 1).problem
    assert problem is not None
    assert problem.startswith(
        "the block draws in a figure that an earlier block has shown, and nothing shows it"
    )


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (block("axes.plot([2, 1]);"), [False, True, False]),
        (block("axes.plot([2, 1]); 1 / 0", None, "raises"), [False, True, False]),
        (block("axes.plot([2, 1]); print('\\x1b')"), [False, False, False]),
    ],
    ids=["alone", "and raises", "and shows what no page can"],
)
def test_drawing_for_nothing_is_said_of_the_block_that_does_it(second: str, found: list[bool]) -> None:
    first = block("import matplotlib.pyplot as plt\n_, axes = plt.subplots()")
    lesson_run = run(parse(first, second, block("x = 1")))
    problems = [result(lesson_run, number).problem or "" for number in range(3)]
    assert ["draws in a figure" in problem for problem in problems] == found


def test_a_figure_is_the_same_in_every_run() -> None:
    lesson = parse(block("import matplotlib.pyplot as plt\nplt.loglog([1, 2], [3, 4]);"))
    assert run(lesson) == run(lesson)


def test_an_empty_figure_is_words_as_in_jupyter() -> None:
    found = result(run(parse(block("import matplotlib.pyplot as plt\nplt.figure();"))))
    assert (found.figures, found.shown) == ([], "<Figure size 500x320 with 0 Axes>")


def test_a_figure_that_is_shown_stays_as_it_was_made() -> None:
    code = (
        "import matplotlib.pyplot as plt\nfig, _ = plt.subplots(dpi=50)\nbefore = fig.canvas, fig.dpi\n"
        "display(fig)\nprint(fig.canvas is before[0], fig.dpi == before[1])"
    )
    assert result(run(parse(block(code)))).shown == "True True"


def test_an_object_with_an_svg_repr_is_a_figure() -> None:
    found = result(run(parse(block("class A:\n    def _repr_svg_(self): return '<svg/>'\nA()"))))
    assert (found.figures, found.shown, found.problem) == (["<svg />"], "", None)


def test_a_picture_that_is_not_xml_is_a_failure() -> None:
    code = "class A:\n    def _repr_svg_(self): return '<svg>&nbsp;</svg>'\nA()"
    (failure,) = failures(block(code, None, "figure: Nothing."))
    assert failure.startswith(f"{PATH}:3: the block shows a picture that is not SVG: undefined entity")


def test_a_picture_of_pixels_is_a_failure() -> None:
    code = "from IPython.display import display\ndisplay({'image/png': 'abc'}, raw=True)"
    (failure,) = failures(block(code))
    assert failure.startswith(f"{PATH}:2: the block shows image/png, which a page does not")


def test_a_figure_that_cannot_be_drawn_is_a_failure_at_its_line() -> None:
    code = "import matplotlib.pyplot as plt\nx = 1\nplt.title(r'$\\frac$');"
    (failure,) = failures(block(code, None, "figure: A formula."))
    assert failure.startswith(f"{PATH}:5: this line raises\n    plt.title")
    assert "ParseSyntaxException" in failure


# Lessons that misbehave: each fails with its line, within its limit, and the next lesson runs.

LOOP = (
    "the lesson was stopped: it took longer than 1 s; shorten it, or allow more seconds in the front matter "
    "of its file: `time-limit: …`"
)
ENDED = "the lesson's process ended, with exit status"
TOO_MUCH = "the block shows more than 100,000 characters"
PAST = "something wrote past sys.stdout, straight to the process's output"


def test_a_process_that_does_not_start_is_not_called_a_slow_lesson(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lessons_src.engine.running._START_LIMIT", 0.0)
    (failure,) = failures(block("1", "1"))
    assert "PyTorch was not imported within 0 s, so no block has run" in failure


@pytest.mark.parametrize(
    ("code", "line", "words"),
    [
        ("x = 1\nwhile True: x = 1", 2, LOOP),
        ("import signal\nsignal.pause()", 2, LOOP),
        (
            "while True:\n try:\n  while True:\n   x = 1\n except KeyboardInterrupt:\n  x = 2",
            1,
            LOOP,
        ),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", 1, LOOP),
        ("print('a\\x1b')\nwhile True: x = 1", 2, "It has shown before:\n    a\\x1b"),
        ("print('a')\nimport os\nos.abort()", 1, "It has shown before:\n    a"),
        ("import os\nos._exit(0)", 1, f"{ENDED} 0, while this block ran"),
        ("import os\nos._exit(3)", 1, f"{ENDED} 3, while this block ran"),
        (
            "import os, time\nif os.fork() == 0:\n    time.sleep(1000)\nos._exit(0)",
            1,
            f"{ENDED} 0, while this block ran",
        ),
        ("raise SystemExit", 1, "this line raises\n    raise SystemExit\nSystemExit"),
        ("import sys\nsys.exit(3)", 2, "this line raises\n    sys.exit(3)\nSystemExit: 3"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", 1, "was ended by signal 9 (Killed)"),
        ("import os\nos.kill(os.getpid(), 40)", 1, "was ended by signal 40 (Real-time signal 6)"),
        ("import ctypes\nctypes.string_at(0)", 1, "was ended by signal 11 (Segmentation fault)"),
        (
            "import signal\nsignal.setitimer(signal.ITIMER_REAL, 1e-6);",
            1,
            "was ended by signal 14 (Alarm clock)",
        ),
        ("print('x' * 10**8)", 1, TOO_MUCH),
        # The first character that is too many ends a line.
        ("while True: print('x' * 10)", 1, TOO_MUCH),
        (
            "while True:\n    try:\n        print('x' * 1000)\n    except Exception:\n        break",
            3,
            TOO_MUCH,
        ),
        ("import os\nif os.fork() == 0: print('x' * 10**6)\nelse: os.wait();", 1, TOO_MUCH),
        (
            "import sys\nsys.stdout.close()\nprint(1)",
            3,
            "this line raises\n    print(1)\nValueError: I/O operation on closed",
        ),
        ("import os\nos.closerange(0, 1000)", 1, f"{ENDED} 1, while this block ran"),
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(60,)).start()",
            1,
            "leaves the thread",
        ),
        (
            "class A:\n    def __repr__(self): 1 / 0\nA()",
            2,
            "this line raises\n    def __repr__(self): 1 / 0\nZeroDivisionError",
        ),
        (
            "class A:\n    def __repr__(self): raise KeyError\ndisplay(A())\n1 / 0",
            2,
            "this line raises\n    def __repr__(self): raise KeyError\nKeyError",
        ),
        (
            "class E(Exception):\n    def __len__(self): return 0\nraise E('false')",
            3,
            "this line raises\n    raise E('false')\nE: false",
        ),
        (
            "class E(Exception):\n    def __str__(self): 1 / 0\nraise E",
            3,
            "this line raises\n    raise E\nE: <exception str() failed>",
        ),
        ("exit()", 1, "this line raises\n    exit()\nSystemExit: None"),
        ("quit(3)", 1, "this line raises\n    quit(3)\nSystemExit: 3"),
        ("print('a\\rb')", 1, "the block shows '\\r', which a page cannot: print whole lines; `tqdm` takes"),
        ("print('\\x1b[1m')", 1, "the block shows '\\x1b', which a page cannot: print without colours"),
        ("print('\\udc80')", 1, "the block shows '\\udc80', which a page cannot: print its repr"),
        (
            "import os\nos.write(2, b'1\\n2\\n3\\n4\\n')\nos.abort()",
            1,
            "signal 6 (Aborted) while this block ran; the last that it wrote is '2\\n3\\n4'",
        ),
        (
            "raise ValueError('\\x1b[31mred\\udc80')",
            1,
            "this line raises\n    raise ValueError('\\x1b[31mred\\udc80')\nValueError: \\x1b[31mred\\udc80",
        ),
        (
            "input()",
            1,
            "this line raises\n    input()\nEOFError: nobody can answer here; write the answer into",
        ),
    ],
)
def test_a_lesson_that_misbehaves_fails_with_its_line_and_the_next_one_runs(
    code: str, line: int, words: str
) -> None:
    bad = parse("# Bad\n", block("1", "1"), block(code), block("7", "7"))
    good = parse(block("2", "2"))
    bad_run, good_run = run_lessons([replace(bad, time_limit=LIMIT), good])
    (failure,) = check_lesson(bad, bad_run)
    assert str(failure).startswith(f"{PATH}:{10 + line}: ")
    assert words in str(failure)
    assert result(bad_run, 0).shown == "1"
    # What a page cannot show is no reason to stop.
    assert (bad_run.blocks[2] is None) == (not result(bad_run, 1).ended or "this line raises" in words)
    assert check_lesson(good, good_run) == []


@pytest.mark.parametrize(
    ("code", "complaint"),
    [
        (
            "import threading, time\nthreading.Thread(target=time.sleep, args=(9,)).start()",
            "leaves the thread",
        ),
        ("import os\nos.write(2, b'hi')", f"{PAST}: 'hi'"),
        ("x = 1\nprint('a\\rb')", "the block shows '\\r'"),
    ],
)
def test_the_exception_of_a_block_comes_before_other_complaints(code: str, complaint: str) -> None:
    first, second = failures(block(f"{code}\nundefined_name"))
    assert first == (
        f"{PATH}:4: this line raises\n    undefined_name\nNameError: name 'undefined_name' is not defined"
    )
    assert second.startswith(f"{PATH}:2: ")
    assert complaint in second


def test_an_expected_exit_is_an_exception_like_any_other() -> None:
    lesson = (
        block("import sys\nsys.exit(3)", "SystemExit: 3", "raises"),
        block("exit()", "SystemExit: None", "raises"),
    )
    assert failures(*lesson, block("1", "1")) == []


def test_an_expected_exception_must_be_one_that_a_page_can_show() -> None:
    (failure,) = failures(block("raise ValueError('\\x1b[31mred')", "ValueError: red", "raises"))
    assert failure.startswith(f"{PATH}:3: the block shows '\\x1b', which a page cannot")


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nsys.stdout = None",
        "import sys\nsys.stdout.close()",
        "import os\nos.close(1)",
        "import os\nif os.fork() == 0:\n    os.wait",
        "import os\nif os.fork() == 0:\n    x = 1\nelse:\n    os.wait();",
        "import warnings\nwarnings.simplefilter('error')",
        "import threading, time\nthread = threading.Thread(target=print)\nthread.start()\nthread.join()",
        "import logging\nlogging.disable()",
    ],
)
def test_what_a_block_does_to_its_process_does_not_reach_the_next_block(code: str) -> None:
    assert shown(block(code.replace("=print", "=int")), block("print(7)\n8")) == ["", "7\n8"]


SLOW = "import threading, time, torch\nclass Slow(torch.nn.Module):\n    def forward(self):\n"
SLOW += "        threading.Thread(target=time.sleep, args=(60,)).start()\n"


def test_a_thread_that_a_library_starts_is_its_own_concern() -> None:
    library = "from IPython.lib.backgroundjobs import BackgroundJobManager\nimport time\n"
    assert shown(block(f"{library}BackgroundJobManager().new(time.sleep, 60);"), block("2"))[1:] == ["2"]
    (failure,) = failures(block(f"{SLOW}Slow()()"))
    assert "leaves the thread" in failure


def test_a_process_that_a_block_forks_does_not_run_the_blocks_after_it() -> None:
    code = "import os\nlesson = os.getpid()\nchild = os.fork()\nif child:\n    os.waitpid(child, 0)"
    assert shown(block(code), block("os.getpid() == lesson")) == ["", "True"]


def test_a_time_limit_is_for_a_lesson_and_the_block_that_was_running_is_named() -> None:
    code = "import time\ntime.sleep(0.7)"
    found = failures(block(code), block(code), block("1"), time_limit=LIMIT)
    assert found == [f"{PATH}:8: {LOOP}\n    time.sleep(0.7)"]


def test_a_lesson_that_was_stopped_goes_no_further_though_it_expected_an_exception() -> None:
    found = failures(block("while True: x = 1", None, "raises"), block("print(1)"), time_limit=LIMIT)
    assert found == [f"{PATH}:3: {LOOP}\n    while True: x = 1"]


def test_an_exception_that_ends_a_thread_is_shown_without_the_frames_of_python() -> None:
    code = "import sys, threading\ndef f(n):\n    1 / n\nfor target in (f, sys.exit):\n"
    code += "    t = threading.Thread(target=target, args=(0,), name='mine')\n    t.start()\n    t.join()"
    (found,) = shown(block(code))
    rows = [row for row in found.split("\n") if set(row) - set(" ~^")]
    assert rows == [
        "Exception in thread mine:",
        "Traceback (most recent call last):",
        '  File "lesson block 1", line 3, in f',
        "    1 / n",
        "ZeroDivisionError: division by zero",
    ]


def test_a_folder_of_this_machine_is_refused() -> None:
    code = "import torch\nprint(torch.__file__)"
    (failure,) = failures(block(code, "x"))
    assert failure.startswith(f"{PATH}:3: this block shows '")
    assert "site-packages', a folder of this machine: show the file's name alone, or write" in failure
    assert failures(block(code, ".../torch/__init__.py", "ellipsis")) == []
    (failure,) = failures(block("raise OSError(__import__('os').__file__)", "x", "raises"))
    assert "a folder of this machine" in failure
    (failure,) = failures(block(code, f"{Path.home()}/x ...", "ellipsis"))
    assert f"this block shows {str(Path.home())!r}, a folder of this machine" in failure
    beside = f"{ROOT}x"
    assert failures(block(f"print({beside!r}, 'a' + {str(ROOT)!r})", f"{beside} a{ROOT}")) == []


def test_code_that_has_no_end_is_an_error_in_the_words_of_a_script() -> None:
    assert failures(block("x = (1", "SyntaxError: '(' was never closed", "raises")) == []


def test_of_a_traceback_that_a_subprocess_writes_the_last_line_is_reported() -> None:
    code = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', '1 / 0']);"
    (failure,) = failures(block(code))
    assert f"{PAST}: 'ZeroDivisionError: division by zero'" in failure


def test_a_process_that_dies_between_two_blocks_is_a_failure_of_the_next() -> None:
    code = (
        "import os\nfrom multiprocessing.connection import Connection\nsend = Connection.send\n"
        "def send_and_die(self, message):\n    send(self, message)\n    os._exit(5)\n"
        "Connection.send = send_and_die"
    )
    assert failures(block(code), block("1", "1")) == [
        f"{PATH}:12: the lesson's process ended, with exit status 5, while this block ran\n    1"
    ]


@pytest.fixture
def pid_file(tmp_path: Path) -> Iterator[Path]:
    file = tmp_path / "pid"
    yield file
    if _is_alive(int(file.read_text())):
        os.kill(int(file.read_text()), 9)


def _is_alive(pid: int) -> bool:
    listed = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return listed.stdout.strip() not in {"", "Z"}


def _end_of(pid: int) -> bool:
    for _ in range(100):
        if not _is_alive(pid):
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess\npid = subprocess.Popen(['sleep', '1000']).pid",
        "import os, time\npid = os.fork()\nif pid == 0:\n    time.sleep(1000)",
    ],
)
def test_what_a_lesson_started_ends_with_it(code: str, pid_file: Path) -> None:
    write = f"open({str(pid_file)!r}, 'w').write(str(pid));"
    assert failures(block(code), block(write)) == []
    assert _end_of(int(pid_file.read_text()))


@pytest.mark.slow
def test_a_lesson_is_ended_when_running_it_is_interrupted(pid_file: Path, tmp_path: Path) -> None:
    lesson = "import os, time\nfrom pathlib import Path\n"
    lesson += f"Path({str(pid_file)!r}).write_text(f'{{os.getpid()}}\\n{{os.getcwd()}}')\ntime.sleep(1000)"
    script = tmp_path / "script.py"
    script.write_text(
        "from lessons_src.engine.parsing import parse_lesson\n"
        "from lessons_src.engine.running import run_lesson\n"
        f"run_lesson(parse_lesson({block(lesson)!r}, 'x.md'))"
    )
    with subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE, text=True) as process:
        try:
            while not pid_file.exists() or "\n" not in pid_file.read_text():
                assert process.poll() is None
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            assert process.wait(20) != 0
        finally:
            process.kill()
        assert process.stderr
        assert "KeyboardInterrupt" in process.stderr.read()
    pid, directory = pid_file.read_text().split("\n")
    pid_file.write_text(pid)
    assert _end_of(int(pid))
    assert not Path(directory).exists()


def test_lessons_leave_no_directories(directory: Path) -> None:
    failures(block("open('x', 'w').close()"), block("import os\nos._exit(1)"))
    failures(block("while True:\n    x = 1"), time_limit=0.3)
    assert list(directory.iterdir()) == []
