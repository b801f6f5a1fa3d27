# Sourced by the test scripts that need Python: `python_env WORK REQUIREMENTS WHAT` makes a virtual environment in WORK/venv, once.
# `need_inrush PATH NAME` ends a script of tests/NAME with a message when there is no program at PATH.
# shellcheck shell=bash

python_env() {
  local work=$1 requirements=$2 what=$3
  # A stamp of the requirements: a changed pin makes a new environment, an interrupted installation is repeated.
  local stamp="$work/venv/.installed"
  if cmp -s "$requirements" "$stamp"; then
    return
  fi
  echo "tests: installing $what into $work/venv" >&2
  rm -rf "$work/venv"
  if ! python3 -m venv "$work/venv" >&2; then
    echo "tests: python3 cannot make a virtual environment; install it (Debian, Ubuntu: apt-get install python3-venv)" >&2
    return 1
  fi
  timeout 600 "$work/venv/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2
  cp "$requirements" "$stamp"
}

need_inrush() {
  local inrush=$1 name=$2
  if [ ! -x "$inrush" ]; then
    echo "tests/$name: there is no inrush at $inrush: build it with 'cargo build', or name another one as the argument" >&2
    exit 1
  fi
}
