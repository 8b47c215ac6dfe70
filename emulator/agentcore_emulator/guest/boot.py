"""Turns this process into a guest: the session's environment and folders, the host's sockets, then the agent's code."""

import builtins
import os
import signal
import sys
import tempfile
import threading
import traceback
import types
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from typing import Any, NoReturn

from . import channel, debug, quirks, serve
from .link import Link
from .listen import Listeners


def run(order: channel.Order) -> None:
    """Run the agent to its end: the process then exits as a Python program does.

    The order's `spec` has `entrypoint`, `project`, `folder` (working directory), `environ`, `port`, `quirks`,
    `terminal`, `limits`, `time` (the arguments of `guest_time.follow`, or None), and `isolation` (the members of
    `namespaces.Plan`, or None).
    """
    spec = order.spec
    follow_time(spec)
    link = Link()
    listeners = Listeners(spec["port"], link)
    move_in(order, link, listeners)
    take_program(spec)
    run_agent(spec, link, listeners)


def move_in(order: channel.Order, link: Link, listeners: Listeners, mounted: Sequence[str] = ()) -> None:
    """Make the order's sockets, streams, files and environment this process's.

    `mounted` is what `namespaces.settle` has mounted here before.
    """
    spec = order.spec
    unix, tcp, log, line = order.descriptors
    for descriptor in (unix, tcp, line):
        os.set_inheritable(descriptor, False)  # They came inheritable, and are none of what the agent starts.
    take_standard_streams(log)
    link.connect(line)
    listeners.take(unix, tcp)
    if spec["isolation"] is not None:
        from . import namespaces

        try:
            namespaces.isolate()
            namespaces.unsettle(list(mounted))
            namespaces.settle(namespaces.Plan(**spec["isolation"]))
            namespaces.disarm()
        except OSError as error:
            _fail(link, f"it cannot be isolated ({error}); start with --isolation plain")
    take_environment(spec)
    if spec["limits"]:
        from . import limits

        limits.limit()
    if spec["terminal"]:
        debug.use_terminal(spec["terminal"])
    # Not before: namespaces and capabilities are a thread's own.
    link.listen()


def run_agent(spec: dict[str, Any], link: Link, listeners: Listeners) -> None:
    """Run the entry file as `__main__`, and serve its app if it does not do so itself."""
    try:
        listeners.install()
        quirks.install(spec["quirks"], link, spec["project"])
        main_module = _as_main(spec["entrypoint"])
        _wait_for_threads(listeners)
        if not listeners.serving:
            serve.serve(spec["entrypoint"], vars(main_module), spec["port"])
    except serve.CannotServe as error:
        _fail(link, str(error))
    except SystemExit as error:
        if not listeners.serving:
            link.send({"failed": f"the agent exited with status {error.code} before it served"})
        raise
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt) and listeners.serving:
            raise
        frames = _own_frames(error)
        traceback.print_exception(type(error), error, frames)
        _fail(link, _sentence(error, frames, spec["project"]))


def _fail(link: Link, sentence: str) -> NoReturn:
    link.send({"failed": sentence})
    sys.stderr.flush()
    sys.exit(1)


def _sentence(error: BaseException, frames: types.TracebackType | None, project: str) -> str:
    """`ValueError: no such thing at /project/agent.py:7`, with the innermost line of the agent's own."""
    text = "".join(traceback.format_exception_only(type(error), error)[-1:]).partition("\n")[0]
    places = traceback.extract_tb(frames)
    inside = project.rstrip(os.sep) + os.sep
    own = [
        place
        for place in places
        if place.filename.startswith(inside) and "site-packages" not in place.filename[len(inside) :]
    ]
    return "".join([text, *(f" at {place.filename}:{place.lineno}" for place in (own or places)[-1:])])


def follow_time(spec: dict[str, Any]) -> None:
    """See the emulator's time if that is wanted. The host's files must still be where they are."""
    if spec["time"] is not None:
        from . import guest_time

        guest_time.follow(**spec["time"])


def take_standard_streams(log: int) -> None:
    """Print into `log`, which is then closed, and read nothing."""
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(null)
    os.close(log)


def take_environment(spec: dict[str, Any]) -> None:
    """Have the session's variables and folders."""
    os.environ.clear()
    os.environ.update(spec["environ"])
    os.chdir(spec["folder"])
    tempfile.tempdir = None


def take_program(spec: dict[str, Any]) -> None:
    """Be the program that the entry file is, with nothing of what a fork would carry over from the zygote."""
    script_folder = os.path.dirname(spec["entrypoint"])
    sys.argv[:] = [spec["entrypoint"]]
    # By which reloaders start their program again.
    sys.orig_argv[:] = [sys.executable, "-u", spec["entrypoint"]]
    # As `python agent.py` has it, then the project's root, from which a container's `python -m` imports.
    sys.path[:0] = list(dict.fromkeys([script_folder, spec["project"]]))
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _as_main(entrypoint: str) -> types.ModuleType:
    module = types.ModuleType("__main__")
    module.__dict__.update(__file__=entrypoint, __builtins__=builtins, __spec__=None, __cached__=None)
    module.__loader__ = SourceFileLoader("__main__", entrypoint)
    if sys.version_info < (3, 14):
        module.__annotations__ = {}
    sys.modules["__main__"] = module
    with open(entrypoint, "rb") as file:
        code = compile(file.read(), entrypoint, "exec", dont_inherit=True)
    exec(code, module.__dict__)  # noqa: S102 - running the agent's file is what a guest is for
    return module


def _wait_for_threads(listeners: Listeners) -> None:
    """Give a server that the file started in a thread the time to bind, or to end without."""
    while not listeners.serving:
        others: list[threading.Thread] = [
            thread for thread in threading.enumerate() if thread is not threading.current_thread() and not thread.daemon
        ]
        if not others:
            return
        others[0].join(0.05)


def _own_frames(error: BaseException) -> types.TracebackType | None:
    """The traceback from the agent's first frame on: what lies above is this folder's and helps nobody."""
    folder = os.path.dirname(os.path.abspath(__file__))
    frames = error.__traceback__
    while frames is not None and os.path.dirname(frames.tb_frame.f_code.co_filename) == folder:
        frames = frames.tb_next
    return frames
