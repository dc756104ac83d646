"""A stand-in for Debian: apt, dpkg and systemd as small programs on the PATH that note how they were called.

script/setup is sourced and its own functions are called, so what runs is the script; only the programs that
would change the machine are replaced. Real installations are tried by script/fresh and script/try-service.
"""

import os
import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

DPKG_QUERY = """#!/bin/bash
for package in "${@:3}"; do
  if grep -qxF "$package" "$STAND_IN/installed"; then echo "$package installed"; fi
done
"""

# Knows every package once its lists are updated, unless told otherwise. What it installs is then installed.
APT_GET = """#!/bin/bash
echo "apt-get $*" >>"$STAND_IN/calls"
case " $* " in
  *" update "*) touch "$STAND_IN/lists_updated"; exit 0 ;;
esac
if [[ -e $STAND_IN/lists_absent && ! -e $STAND_IN/lists_updated ]]; then
  echo "E: Unable to locate package" >&2
  exit 100
fi
packages=()
for word in "$@"; do
  case "$word" in -*|*=*|install) ;; *) packages+=("$word") ;; esac
done
if [[ " $* " == *" -s "* ]]; then
  for package in "${packages[@]}"; do
    echo "Inst $package (1.0 stand-in)"
    if [[ -e $STAND_IN/would_remove/$package ]]; then sed 's/^/Remv /' "$STAND_IN/would_remove/$package"; fi
  done
  exit 0
fi
if [[ -x $POLICY ]]; then
  "$POLICY" mosquitto.service start; echo "policy for mosquitto.service: $?" >>"$STAND_IN/calls"
  "$POLICY" other.service start; echo "policy for other.service: $?" >>"$STAND_IN/calls"
else
  echo "no policy" >>"$STAND_IN/calls"
fi
case "$(cat "$STAND_IN/fate" 2>/dev/null)" in
  fails) echo "E: no space left" >&2; exit 100 ;;
  killed) kill -KILL "$PPID" ;;
esac
printf '%s\\n' "${packages[@]}" >>"$STAND_IN/installed"
"""

NOTES_ITSELF = """#!/bin/bash
echo "$(basename "$0") $*" >>"$STAND_IN/calls"
"""


class StandInDebian:
    """A machine with nothing installed but what `has` names; `setup` runs commands inside a sourced script/setup."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._programs = folder / "bin"
        self._programs.mkdir()
        self.policy = folder / "policy-rc.d"
        self.venv = folder / "venv"
        (folder / "would_remove").mkdir()
        (folder / "apt_lists" / "partial").mkdir(parents=True)
        for name in ("installed", "calls"):
            (folder / name).touch()
        for name, text in (
            ("dpkg-query", DPKG_QUERY),
            ("apt-get", APT_GET),
            ("systemctl", NOTES_ITSELF),
            ("update-rc.d", NOTES_ITSELF),
        ):
            self.has_program(name, text)

    def has_program(self, name: str, text: str = NOTES_ITSELF) -> None:
        """Puts a program on the PATH."""
        program = self._programs / name
        program.write_text(text)
        program.chmod(0o755)

    def has(self, *packages: str) -> None:
        """These packages are installed."""
        with (self._folder / "installed").open("a") as installed:
            installed.writelines(f"{package}\n" for package in packages)

    def would_remove(self, package: str, *removed: str) -> None:
        """Installing `package` would remove those."""
        (self._folder / "would_remove" / package).write_text("".join(f"{name} 1.0\n" for name in removed))

    def has_no_lists(self) -> None:
        """apt knows no package until its lists are updated (though their folder is new)."""
        (self._folder / "lists_absent").touch()

    def has_old_lists(self) -> None:
        """apt's lists were last updated two days ago."""
        two_days_ago_s = (self._folder / "calls").stat().st_mtime - 2 * 86_400
        os.utime(self._folder / "apt_lists" / "partial", (two_days_ago_s, two_days_ago_s))

    def apt_install(self, fate: str) -> None:
        """What becomes of the next installation: fails, or killed (with script/setup, by SIGKILL)."""
        (self._folder / "fate").write_text(fate)

    def apt_works_again(self) -> None:
        """The next installation succeeds."""
        (self._folder / "fate").unlink()

    def has_environment(self, purpose: str) -> None:
        """The Python environment was made for `purpose`."""
        (self.venv / "bin").mkdir(parents=True)
        for name in ("python", "satellite"):
            shutil.copy2(self._programs / "systemctl", self.venv / "bin" / name)
        stamp = self.setup("stamp").stdout.strip()
        assert len(stamp) == 64
        (self.venv / f".set-up-for-{purpose}").write_text(stamp + "\n")

    @property
    def calls(self) -> list[str]:
        """How the programs were called, in order."""
        return (self._folder / "calls").read_text().splitlines()

    def setup(self, commands: str, *, as_root: bool = True) -> subprocess.CompletedProcess[str]:
        """Runs shell commands after sourcing script/setup, with the stand-ins in place of the machine's programs."""
        prelude = f"""
source {REPOSITORY}/script/setup
POLICY="$STAND_IN/policy-rc.d"
VENV="$STAND_IN/venv"
APT_LISTS="$STAND_IN/apt_lists"
LOG="$STAND_IN/log"
is_root() {{ {"true" if as_root else "false"}; }}
"""
        return subprocess.run(
            ["bash", "-c", prelude + commands],
            env={
                "PATH": f"{self._programs}:/usr/sbin:/usr/bin:/sbin:/bin",
                "STAND_IN": str(self._folder),
                "POLICY": str(self.policy),
                "LC_ALL": "C.UTF-8",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
