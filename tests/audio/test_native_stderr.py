"""NativeStderr: their noise goes, everything else stays. In a process of its own: there is one descriptor 2."""

import subprocess
import sys

import pytest

from satellite.audio import native_stderr

_PREAMBLE = """
import logging, os, subprocess, sys
from satellite.audio import native_stderr
from satellite.audio.native_stderr import NATIVE_STDERR
"""


def run_both(script: str) -> tuple[str, str]:
    """What a process that does this lets be seen on its stdout and its stderr."""
    done = subprocess.run(
        [sys.executable, "-c", _PREAMBLE + script], capture_output=True, check=True, timeout=60, text=True
    )
    return done.stdout, done.stderr


def run(script: str) -> str:
    """What a process that does this lets be seen on its stderr."""
    return run_both(script)[1]


def test_the_noise_of_alsa_jack_and_portaudio_is_not_seen() -> None:
    seen = run(
        """
with NATIVE_STDERR.sorted():
    os.write(2, b"ALSA lib pcm.c:2666:(snd_pcm_open_noupdate) Unknown PCM front\\n")
    os.write(2, b"Cannot connect to server socket err = No such file or directory\\n")
    os.write(2, b"jack server is not running or cannot be started\\n")
    os.write(2, b"JackShmReadWritePtr::~JackShmReadWritePtr - Init not done for -1, skipping unlock\\n")
    os.write(2, b"Expression 'ret' failed in 'src/hostapi/alsa/pa_linux_alsa.c', line: 1736\\n\\n")
"""
    )
    assert seen == ""


def test_pythons_own_output_is_seen_inside_and_outside() -> None:
    seen = run(
        """
print("before", file=sys.stderr)
with NATIVE_STDERR.sorted():
    print("inside", file=sys.stderr)
    with NATIVE_STDERR.sorted():
        os.write(2, b"without its end")
print("after", file=sys.stderr)
"""
    )
    assert seen == "before\ninside\nwithout its endafter\n"


def test_a_child_started_meanwhile_keeps_a_working_stderr() -> None:
    seen = run(
        """
with NATIVE_STDERR.sorted():
    child = subprocess.Popen(["sh", "-c", "read go; echo from the child >&2"], stdin=subprocess.PIPE)
child.communicate(b"go\\n")
with NATIVE_STDERR.sorted():
    assert child.returncode == 0, child.returncode
"""
    )
    assert seen == "from the child\n"


def test_the_noise_is_in_the_log_at_debug_once() -> None:
    seen = run_both(
        """
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout, format="%(message)s")
logging.getLogger().addHandler(logging.StreamHandler())
with NATIVE_STDERR.sorted():
    os.write(2, b"ALSA lib something\\n")
"""
    )
    assert seen == ("native: ALSA lib something\n", "native: ALSA lib something\n")


def test_a_call_that_hangs_gives_the_descriptor_back() -> None:
    seen = run(
        """
native_stderr.LONGEST_S = 0.05
real = os.fstat(2)
with NATIVE_STDERR.sorted():
    assert os.fstat(2).st_ino != real.st_ino
    while os.fstat(2).st_ino != real.st_ino:
        continue
    print("said while it hangs", file=sys.stderr)
"""
    )
    assert seen == "said while it hangs\n"


def test_without_a_stderr_nothing_happens() -> None:
    assert run("os.close(2)\nwith NATIVE_STDERR.sorted():\n    assert True\n") == ""


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "WARNING satellite: ALSA lib", "Exception"])
def test_nothing_of_ours_looks_like_noise(line: str) -> None:
    assert native_stderr._NOISE.match(line.encode()) is None
