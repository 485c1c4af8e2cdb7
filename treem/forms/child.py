"""The process in which files from outside are opened: frames on stdin, answers on stdout, limits on everything.

Run as `python -m treem.forms.child` by `sandbox`. Belongs here: the limits, the loop, and which operation does what.
It knows nothing of the configuration, and everything it will ever import is imported before the first file comes: from
then on it can open neither a file nor a connection.
"""

import logging
import os
import signal
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from gc import freeze, set_threshold
from importlib import import_module
from io import FileIO
from typing import Any, cast

for _unwanted in ("lxml", "numpy", "PIL"):  # openpyxl would take them along; what is not there cannot be attacked
    sys.modules[_unwanted] = cast(Any, None)

from python_calamine import PasswordError  # noqa: E402

from treem.forms import interpret, marking, tnef  # noqa: E402
from treem.forms.frames import Frame, receive, send  # noqa: E402
from treem.forms.unpack import Refused  # noqa: E402

MEMORY_BYTES = 1 << 30
LARGE_BYTES = 300 << 20
CPU_SECONDS = 10
LIFE_SECONDS = 3600
RARELY = 50_000  # objects between two searches for rings: what a file leaves behind is small beside the memory allowed
MAX_JOB = 40_000_000
UTF = ("8", "8_sig", "16", "16_be", "16_le")
CODECS = ("ascii", "cp437", "cp1252", "cp1258", "iso8859_1", "latin_1", *(f"utf_{which}" for which in UTF))

Operation = Callable[[Mapping[str, Any], bytes], Frame]
OPERATIONS: dict[str, Operation] = {"read": interpret.answer, "mark": marking.answer, "unwrap": tnef.answer}


def main() -> None:
    """Answer one frame after the other, until nobody sends any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    answers, jobs = _pipes()
    take_on(sys.argv[1:])
    prepare()
    limit_this_process()
    while (job := receive(jobs, MAX_JOB)) is not None:
        allow_time()
        answer = perform(job)
        send(answers, answer.head | ({"last": True} if grown() else {}), answer.body)


def take_on(more: Sequence[str]) -> None:
    """Operations of other rooms, as "name=module": the module's `answer`, and its `prepare` first."""
    for name, _, module in (told.partition("=") for told in more):
        room = import_module(module)
        room.prepare()
        OPERATIONS[name] = partial(room.answer, perform)


def perform(job: Frame) -> Frame:
    """Do one job. Whatever goes wrong has a name."""
    try:
        return OPERATIONS[job.head["operation"]](job.head, job.body)
    except Refused as refused:
        return Frame({"problem": refused.problem})
    except PasswordError:
        return Frame({"problem": "encrypted"})
    except MemoryError:
        return Frame({"problem": "too_heavy", "last": True})
    except Exception:
        return Frame({"problem": "damaged"})
    except BaseException:  # the reader's panics are not Exceptions; nobody knows what they leave behind
        return Frame({"problem": "damaged", "last": True})


def prepare() -> None:
    """Bring in everything that is otherwise imported, or read from disk, when first used."""
    warnings.simplefilter("ignore")  # showing one would look for the source file
    logging.disable()
    for codec in CODECS:
        import_module(f"encodings.{codec}")
    import_module("openpyxl.packaging.extended")
    time.localtime()
    freeze()
    set_threshold(RARELY)


def limit_this_process() -> None:
    """Limits that hold whatever the file does. Windows has none of them; there only the parent's clock counts.

    Not one descriptor is free: nothing can be opened, no file and no connection.
    """
    try:
        import resource
    except ImportError:
        return
    limits = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_NOFILE: 0,
        resource.RLIMIT_CORE: 0,
    }
    for what, most in limits.items():
        with suppress(ValueError, OSError):  # the hard limit is already lower, or this system does not keep it
            resource.setrlimit(what, (most, most))


def allow_time() -> None:
    """So many seconds of the processor from now on; the system counts them over the life of the process."""
    try:
        import resource
    except ImportError:
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + 1 + CPU_SECONDS
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CPU, (most, LIFE_SECONDS))


def grown() -> bool:
    """Whether a file made this process large: it ends rather than keep the machine's memory."""
    return largest() > max(LARGE_BYTES, BEGAN_WITH)


def largest() -> int:
    """The most memory this process has had, in bytes; 0 where the system does not tell."""
    try:
        import resource
    except ImportError:
        return 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


BEGAN_WITH = largest()  # Linux counts what the parent had when it made this process, through exec


def _pipes() -> tuple[FileIO, FileIO]:
    """Where answers go and jobs come from. Whatever else prints, prints to nowhere."""
    answers = FileIO(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 1)
    os.close(nowhere)
    return answers, FileIO(0, "rb", closefd=False)


if __name__ == "__main__":
    main()
