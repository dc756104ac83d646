# A bare Debian in a folder, with commands run inside it by systemd-nspawn. Sourced by script/fresh and
# script/try-service, which run as root.
#
# For whoever edits it: no mirror, index, proxy or certificate is named here. What the host is configured
# with (apt's sources and proxies, pip's configuration, extra certificates) is handed on to the bare Debian.
# What is started here ends when the caller ends.
# shellcheck shell=bash

BARE_CACHE="${ROOT:?the caller sets it}/.fresh"
BARE_SUITES=(bookworm trixie)

bare_say() { printf '%s: %s\n' "$(basename "$0")" "$*"; }

bare_fail() {
  printf '%s: %s\n' "$(basename "$0")" "$*" >&2
  exit 1
}

bare_check_host() {
  [[ $EUID -eq 0 ]] || bare_fail "run it as root: debootstrap and systemd-nspawn need that"
  "$ROOT/script/setup" fresh
}

bare_check_suite() {
  [[ " ${BARE_SUITES[*]} " == *" $1 "* ]] || bare_fail "no suite \"$1\": one of ${BARE_SUITES[*]}"
}

# The host's address for a suite of Debian's archive ("", "-updates" or "-security" of its own release);
# empty on a host that is not Debian.
bare_mirror() {
  local codename
  codename="$(. /etc/os-release && printf '%s' "${VERSION_CODENAME:-}")"
  # shellcheck disable=SC2016 # apt's own variables
  apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' 'Component: main' 'Origin: Debian' |
    sed -n "s/^$codename${1:-} //p" | head -n 1
}

# Makes BARE_CACHE/SUITE.tar, unless it is there: minbase and ca-certificates, what a fresh machine has.
bare_download() {
  local suite="$1" tar="$BARE_CACHE/$1.tar" building="$BARE_CACHE/$1.building" mirror
  [[ ! -e $tar ]] || return 0
  mirror="$(bare_mirror)"
  bare_say "downloading a bare $suite (1 to 3 minutes, kept in $tar)"
  mkdir -p "$BARE_CACHE"
  rm -rf --one-file-system "$building"
  debootstrap --variant=minbase --include=ca-certificates "$suite" "$building" ${mirror:+"$mirror"} \
    >"$BARE_CACHE/$suite.log" 2>&1 || bare_fail "debootstrap failed: see $BARE_CACHE/$suite.log"
  bare_give_sources "$suite" "$building" "$mirror"
  tar -C "$building" -cf "$tar.part" .
  mv "$tar.part" "$tar"
  rm -rf --one-file-system "$building"
}

bare_give_sources() {
  local suite="$1" root="$2" mirror="$3" security
  security="$(bare_mirror -security)"
  [[ -n $mirror ]] || return 0
  {
    echo "deb $mirror $suite main"
    echo "deb $mirror $suite-updates main"
    [[ -z $security ]] || echo "deb $security $suite-security main"
  } >"$root/etc/apt/sources.list"
}

# Unpacks a bare SUITE into the folder BARE and hands on what the host is configured with.
bare_unpack() {
  BARE="$2"
  rm -rf --one-file-system "$BARE"
  mkdir -p "$BARE"
  tar -C "$BARE" -xpf "$BARE_CACHE/$1.tar"
  echo bare >"$BARE/etc/hostname"
  printf '127.0.0.1 localhost\n127.0.1.1 bare\n::1 localhost\n' >"$BARE/etc/hosts"
  # Proxies and how to trust the mirror; nothing of how this host cleans or translates.
  apt-config dump | grep -E '^Acquire::(https?::|Check-|Retries)' >"$BARE/etc/apt/apt.conf.d/90host" || true
  bare_give_pip_conf /etc/pip.conf /etc/pip.conf
  bare_give_pip_conf "${XDG_CONFIG_HOME:-$HOME/.config}/pip/pip.conf" /etc/xdg/pip/pip.conf
  if compgen -G '/usr/local/share/ca-certificates/*.crt' >/dev/null; then
    cp /usr/local/share/ca-certificates/*.crt "$BARE/usr/local/share/ca-certificates/"
    bare_run root / update-ca-certificates >/dev/null 2>&1
  fi
}

# pip's configuration without what lies in folders of this host: a new machine has none of it.
bare_give_pip_conf() {
  [[ -e $1 ]] || return 0
  mkdir -p "$(dirname "$BARE$2")"
  sed -E -e '/^ *find-links/d' -e 's,file://[^ ]*,,g' "$1" >"$BARE$2"
}

# Names of the host's variables that tell pip and others how to reach the network; no folders of this host.
bare_handed_on() { compgen -e | grep -E '^(PIP_.*|https?_proxy|no_proxy|HTTPS?_PROXY|NO_PROXY)$' | grep -v FIND_LINKS || true; }

# Runs a command in BARE: bare_run USER FOLDER COMMAND...
bare_run() {
  local name options=() user="$1" folder="$2"
  shift 2
  for name in $(bare_handed_on); do options+=("--setenv=$name=${!name}"); done
  # Debian's own for people: no sbin in it.
  if [[ $user != root ]]; then options+=(--setenv=PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/games:/usr/games); fi
  # The line filtered out is nspawn's, about its own empty folder, where /run is no file system of its own.
  systemd-nspawn -q -D "$BARE" --machine="bare-$$" --hostname=bare --register=no --keep-unit --as-pid2 --console=pipe \
    --resolv-conf=replace-host --user="$user" --chdir="$folder" "${options[@]}" -- "$@" \
    </dev/null 2> >(grep -v 'Attempted to remove disk file system' >&2)
}

# Puts a clean clone of this checkout's HEAD into BARE at a folder, owned by a user there.
bare_clone() {
  local user="$1" folder="$2"
  git clone --quiet --no-hardlinks "$ROOT" "$BARE$folder"
  git -C "$BARE$folder" remote remove origin
  bare_run root / chown -R "$user:" "$folder"
}

# Removes BARE and the empty folders that nspawn leaves behind on the host.
bare_remove() {
  local folder
  rm -rf --one-file-system "$BARE"
  if [[ -d /run/systemd/nspawn/propagate/bare-$$ ]]; then rmdir "/run/systemd/nspawn/propagate/bare-$$"; fi
  for folder in /sys/fs/cgroup{,/unified,/systemd}/{payload,supervisor}; do
    if [[ -d $folder ]]; then find "$folder" -depth -type d -exec rmdir {} + 2>/dev/null || true; fi
  done
}
