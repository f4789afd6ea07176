#!/bin/bash
# tools/run_cases.sh FOLDER [CASE ...]: runs the cases in FOLDER one after the other, in this project's environment.
#
# A case is a folder with run.py or run.sh that ends with exit status 0 when all is well. Printed, a line each: its
# number, exit status, and the last line it said. Names (or beginnings of names: 04) choose some. Exit status: 0 all
# passed, 1 one failed or there was none, 2 it could not begin. CASE_LIMIT_S (900): seconds for each; past them 124.
# CASE_LOGS=DIR keeps all that they print.

usage() { echo "usage: tools/run_cases.sh FOLDER [CASE ...]" >&2; exit 2; }

[ $# -ge 1 ] || usage
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd) || exit 2
cases=$(cd "$1" 2>/dev/null && pwd) || { echo "run_cases.sh: '$1' is no folder" >&2; exit 2; }
shift
limit_s=${CASE_LIMIT_S:-900}
source "$root/tools/environment.sh" || exit 2

scratch=$(mktemp -d) || exit 2
logs=$scratch
if [ -n "${CASE_LOGS:-}" ]; then mkdir -p "$CASE_LOGS" && logs=$(cd "$CASE_LOGS" && pwd) || exit 2; fi
child=
end() { [ -z "$child" ] || kill -- -"$child" 2>/dev/null; rm -rf "$scratch"; }
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# One domain for all, this machine only: what else runs here is not heard. Not in the sources: Python would find them
# before what is installed, which is what the cases try.
export ROS_DOMAIN_ID=${ROS_DOMAIN_ID:-$((1 + $$ % 100))} ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
mkdir "$scratch/work" && cd "$scratch/work" || exit 2

chosen() {  # name patterns...: is the name one of them?
  local name=$1 pattern
  shift
  [ $# -gt 0 ] || return 0
  for pattern in "$@"; do
    case $name in "$pattern" | "$pattern"_*) return 0 ;; esac
  done
  return 1
}

ran=0 failed=0
for folder in "$cases"/*/; do
  folder=${folder%/}
  name=${folder##*/}
  if [ -f "$folder/run.py" ]; then command=(python3 "$folder/run.py")
  elif [ -f "$folder/run.sh" ]; then command=(bash "$folder/run.sh")
  else continue; fi
  chosen "$name" "$@" || continue
  ran=$((ran + 1))
  # A process group of its own (timeout makes one): what a case leaves behind ends with it.
  timeout -k 20 "$limit_s" "${command[@]}" > "$logs/$name.log" 2>&1 < /dev/null &
  child=$!
  wait "$child"
  status=$?
  kill -- -"$child" 2>/dev/null
  child=
  [ "$status" = 0 ] || failed=$((failed + 1))
  last=$(grep -v '^[[:space:]]*$' "$logs/$name.log" | tail -n 1 | tr -d '\r' | cut -c1-200)
  echo "${name%%_*}: exit $status | ${last:-(no word)}"
done

if [ "$ran" = 0 ]; then echo "run_cases.sh: no case in '$cases'" >&2; exit 1; fi
echo "$ran run, $failed failed"
[ "$failed" = 0 ]
