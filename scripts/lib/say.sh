# Words for people: what a script is doing, how long it took, and one sentence when it cannot go on.
# Sourced by every script here, which sets $script to its own name first.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
logs=$root/build/log
# The one UTF-8 locale that a minimal Debian has; it keeps perl and apt from complaining.
export LC_ALL=C.UTF-8

say() { printf '%s\n' "$*"; }

# fail <sentence>: ends the script with one sentence.
fail() {
  printf '%s: %s\n' "$script" "$*" >&2
  exit 1
}

# Seconds as people say them.
spell_seconds() {
  if [ "$1" -lt 60 ]; then printf '%d s' "$1"; else printf '%d min %02d s' $(($1 / 60)) $(($1 % 60)); fi
}

# The stages that are over and their times, for the summary; those that failed where a script goes on after a failure.
summary=()
failed=()
keep_going=no

# stage [-v] <name> <command>...: runs a command with its output in build/log/<name>.log (-v: on the terminal, too)
# and says how long it took. When it fails, its last lines and one sentence that names the log follow
# (with keep_going=yes only its last lines, and the name in `failed`).
stage() {
  local verbose=no
  if [ "$1" = -v ]; then
    verbose=yes
    shift
  fi
  local name=$1 log=$logs/${1//[ \/]/-}.log began=$SECONDS status=0
  shift
  mkdir -p "$logs"
  say "==> $name"
  # A subshell of its own, so that `set -e` holds inside functions, too.
  set +e
  if [ $verbose = yes ]; then
    (set -e; "$@") </dev/null 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
  else
    (set -e; "$@") </dev/null >"$log" 2>&1
    status=$?
  fi
  set -e
  local took
  took=$(spell_seconds $((SECONDS - began)))
  if [ "$status" -ne 0 ]; then
    summary+=("FAILED  $name, after $took")
    [ $verbose = yes ] || tail -n 40 "$log" >&2
    if [ $keep_going = yes ]; then
      failed+=("$name")
      return 0
    fi
    show_summary >&2
    fail "\"$name\" failed after $took; all it said is in ${log#"$root"/}"
  fi
  summary+=("ok      $name, $took")
  say "    $took"
}

# aside <lane> <name> <command>...: a stage that runs beside the others and begins when the one before it in its lane has
# ended; its output goes to build/log. `await_asides` is the end of them all.
asides=()
declare -A last_in_lane
aside() {
  local lane=$1 name=$2 log=$logs/${2//[ \/]/-}.log before=${last_in_lane[$1]:-}
  shift 2
  mkdir -p "$logs"
  say "==> $name, beside what follows"
  # A group of its own, so that all of it can be stopped when the script fails.
  set -m
  (
    while [ -n "$before" ] && kill -0 "$before" 2>/dev/null; do sleep 0.2; done
    began=$SECONDS
    # Not in a condition, where `set -e` would not hold.
    set +e
    (set -e; "$@")
    status=$?
    say $((SECONDS - began)) >"$log.took"
    exit $status
  ) </dev/null >"$log" 2>&1 &
  last_in_lane[$lane]=$!
  set +m
  asides+=("$! $name")
  trap stop_asides EXIT
}

stop_asides() {
  local one
  for one in ${asides[@]+"${asides[@]}"}; do kill -- "-${one%% *}" 2>/dev/null || true; done
}

# Prints the command lines of a process group.
commands_in() {
  local process stat
  for process in /proc/[0-9]*; do
    # After the name, which may hold anything: state, parent, group.
    { read -r stat <"$process/stat"; } 2>/dev/null || continue
    # shellcheck disable=SC2086
    set -- "$1" ${stat##*) }
    [ "$4" != "$1" ] || tr '\0' ' ' <"$process/cmdline" 2>/dev/null | sed 's/^/  /;s/$/\n/' || true
  done
}

# What was put aside and takes longer than this, once nothing else is left to do, hangs.
patience=1800

# await_asides: waits for what was put aside, which then counts as stages, and shows what was said.
await_asides() {
  local one name log status took began=$SECONDS
  while [ ${#asides[@]} -gt 0 ]; do
    one=${asides[0]} name=${asides[0]#* } status=0
    log=$logs/${name//[ \/]/-}.log
    while kill -0 "${one%% *}" 2>/dev/null; do
      if [ $((SECONDS - began)) -ge "$patience" ]; then
        cat "$log" >&2
        printf '%s\n' "Still running:" "$(commands_in "${one%% *}")" >&2
        summary+=("FAILED  $name, which hangs")
        show_summary >&2
        fail "\"$name\" has not ended in $(spell_seconds "$patience") and is ended; all it said is in ${log#"$root"/}"
      fi
      sleep 0.2
    done
    wait "${one%% *}" || status=$?
    asides=("${asides[@]:1}")
    took=$(spell_seconds "$(cat "$log.took" 2>/dev/null || say 0)")
    rm -f "$log.took"
    say "==> $name"
    cat "$log"
    if [ "$status" -ne 0 ]; then
      summary+=("FAILED  $name, after $took")
      show_summary >&2
      fail "\"$name\" failed after $took; all it said is in ${log#"$root"/}"
    fi
    summary+=("ok      $name, $took beside others")
    say "    $took"
  done
  trap - EXIT
}

# For what runs beside something that must not wait: the rest of the subshell leaves the cores to others.
give_way() { renice -n 19 -p "$BASHPID" >/dev/null; }

show_summary() {
  say ""
  say "$script, $(spell_seconds $SECONDS) in all:"
  [ ${#summary[@]} -eq 0 ] || printf '  %s\n' "${summary[@]}"
}
