# Prints every lab of the state folder $1, on the machine under the labs:
#   lab PID COMMAND / "uid NUMBER" / environment lines / "node PID NSPID…" lines, one for each child
# A learner can give a process of a node any name and environment. But it is two process namespaces down, or
# more: whatever is exactly one down, and the first there, is no node's, so its environment can be believed.
depth() {
  count= last= user=
  while read -r field rest; do
    case $field in
      Uid:) user=${rest%%[!0-9]*} ;;
      NSpid:) set -- $rest; count=$# last=${rest##*[!0-9]} ;;
    esac
  done <"$1/status" || return 1
} 2>/dev/null
depth /proc/self
own=$count
for file in $(grep -lszxF "HARDWAY_HOME=$1" /proc/[0-9]*/environ); do
  directory=${file%/environ}
  depth "$directory" && [ "$count" = $((own + 1)) ] && [ "$last" = 1 ] || continue
  { read -r command <"$directory/comm"; } 2>/dev/null || continue
  echo "lab ${directory#/proc/} $command"
  echo "uid $user"
  tr '\0' '\n' <"$file"
  children=
  { read -r children <"$directory/task/${directory#/proc/}/children"; } 2>/dev/null || :
  set --
  for child in $children; do set -- "$@" "/proc/$child/status"; done
  # The node's own view of its first process is the last number, and must be 1. One that has ended, and whose
  # exit status nobody has asked for yet, is no node.
  [ $# -eq 0 ] || grep -hs -e '^State:' -e '^NSpid:' "$@" | sed -e '/^State:[[:space:]]*[ZX]/{N;d;}' -e '/^State:/d' -e 's/^NSpid:/node /'
done
exit 0
