#!/usr/bin/env bash
# The least that an adapter is, in the shortest program that can be one: it dials, says hello, and answers `unsupported`
# to all the rest. It is here to be translated into the language of your SDK, not to grow: what is done to a line of JSON
# below with patterns, a JSON library does.
#
# Then fill in, one command after the other: start, call, register (behaviour probe), release, cancel, subscribe, publish,
# unsubscribe, stop, encode, decode. `parley-conformance smoke` says what comes next; PROTOCOL.md what each one means.
set -uo pipefail
: "${PARLEY_KIT:?names HOST:PORT of the kit that starts this adapter}"

# 1. Dial the kit: one TCP connection, kept for good. Standard output is free for your logs.
exec 3<> "/dev/tcp/${PARLEY_KIT%:*}/${PARLEY_KIT##*:}" || exit 1

# 2. Read commands, a line of JSON each, and answer each with a line that has its number. In your language the reader must
#    never block: a command that takes time runs beside it, and answers may come in any order.
while IFS= read -r line <&3; do
  [[ $line =~ \"n\":\ *([0-9]+) ]] || continue
  n=${BASH_REMATCH[1]}
  [[ $line =~ \"cmd\":\ *\"([a-zA-Z0-9_]+)\" ]] || continue
  cmd=${BASH_REMATCH[1]}
  case $cmd in
    hello)
      # 3. Who this is. Name your SDK; add capabilities ("json", "probe", ...) as you implement them, and to `profiles` what
      #    your SDK claims ("core"): from then on what is lacking of it counts as a failure.
      printf '{"re": %d, "ok": {"sdk": "my-sdk", "version": "0", "language": "generic", "pid": %d, "capabilities": [], "profiles": []}}\n' "$n" $$ >&3
      ;;
    ping)
      # 4. A fence: all that was observed before is written before.
      printf '{"re": %d, "ok": {}}\n' "$n" >&3
      ;;
    # 5. start) connect your SDK to `url`; then the observation
    #      {"obs": "session", "i": 1, "rt": "main", "t_ms": 10.2, "state": "connected", "reason": ""}
    #    (`i` counts all observations of this process from 1), then the answer {"re": n, "ok": {}}.
    *)
      printf '{"re": %d, "unsupported": "no such command: %s"}\n' "$n" "$cmd" >&3
      ;;
  esac
done

# 6. The kit has hung up: end at once, drain nothing.
exit 0
