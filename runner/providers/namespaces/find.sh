# Prints every lab of the state folder $1, on the machine under the labs:
#   lab PID COMMAND / environment lines / "node PID NSPID…" lines, one for each child
# A lab's first process runs as nobody that a node can be or see, so its environment can be believed.
for file in $(grep -lszxF "HARDWAY_HOME=$1" /proc/[0-9]*/environ); do
  directory=${file%/environ}
  read -r command <"$directory/comm" || continue
  echo "lab ${directory#/proc/} $command"
  tr '\0' '\n' <"$file"
  children=
  read -r children <"$directory/task/${directory#/proc/}/children" || :
  set --
  for child in $children; do set -- "$@" "/proc/$child/status"; done
  # The node's own view of its first process is the last number, and must be 1.
  [ $# -eq 0 ] || awk '/^NSpid:/ { $1 = "node"; print }' "$@" 2>/dev/null
done
exit 0
