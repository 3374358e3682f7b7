# NetworkPolicies → what nft has to be told on one node. The same text as lesson 19 prints, in pieces:
#
#   jq -r -f compile.jq objects.json | nft -f -
#
# The input is { pods, namespaces, policies, node }: each of the first three an array of objects, or a List, as `kubectl get -o json` has
# it; node is the name of the node whose pods are guarded, by their spec.nodeName. Without it all pods are.
# The output replaces table ip netpol, in one transaction. What a bridge forwards has to be shown to it: bridge-nf-call-iptables is 1.
# Does this selector choose what has these labels? All that it asks must hold: one that asks nothing chooses all.
def chooses($labels):
  all(.matchLabels // {} | to_entries[]; $labels[.key] == .value)
  and all(.matchExpressions[]?; . as {$key, $operator, $values} | ($labels | has($key)) as $there |
    if $operator == "Exists" then $there
    elif $operator == "DoesNotExist" then $there | not
    elif $operator == "In" then $there and ($labels[$key] | IN($values[]))
    elif $operator == "NotIn" then ($there and ($labels[$key] | IN($values[]))) | not
    else error("unknown operator \($operator)") end);
# Of each object what policies ask for. A pod counts while it has an address that is its own.
def items: if type == "object" then .items[] else .[]? end;
def alive: .spec.hostNetwork != true and (.status.phase | IN("Succeeded", "Failed") | not);
def pod:
  {namespace: (.metadata.namespace // "default"), labels: (.metadata.labels // {}),
    node: .spec.nodeName, ports: [.spec.containers[]?.ports[]?],
    ip: first(.status.podIPs[]?.ip, .status.podIP | strings | select(contains(":") | not))};
def policy: {namespace: (.metadata.namespace // "default"), name: .metadata.name} + .spec;
def cluster:
  {node, pods: [.pods | items | select(alive) | pod], policies: [.policies | items | policy],
    namespaces: (.namespaces | [items | {(.metadata.name): (.metadata.labels // {})}] | add // {})};
def set: "{ \(unique | join(", ")) }";

# The pods that are meant in a policy of namespace $home. Both selectors have to choose, where there are both.
def pods($cluster; $home):
  . as {$podSelector, $namespaceSelector} | [$cluster.pods[] | .namespace as $its | .labels as $labels | select(
    ($podSelector // {} | chooses($labels)) and
    if $namespaceSelector == null then $its == $home
    else $namespaceSelector | chooses(($cluster.namespaces[$its] // {}) + {"kubernetes.io/metadata.name": $its}) end)];
# Whom `from` or `to` means: what nft asks of the packet, and which pods that can be. None at all means everybody.
def peer($cluster; $home; $side):
  if .ipBlock then select(.ipBlock.cidr | contains(":") | not)
    | {asks: (["ip \($side) \(.ipBlock.cidr)"] + [.ipBlock.except[]? | "ip \($side) != \(.)"] | join(" ")), pods: $cluster.pods}
  else pods($cluster; $home) | select(. != []) | {asks: "ip \($side) \(map(.ip) | set)", pods: .} end;
def peers($cluster; $home; $side):
  if (. // []) == [] then {asks: "", pods: $cluster.pods} else .[] | peer($cluster; $home; $side) end;
# What nft asks of the port. A name is looked up in the pods that are called: in each it may be another number.
def port($called):
  (.protocol // "TCP") as $protocol | ($protocol | ascii_downcase) as $proto | .port as $port |
  if $port == null then "meta l4proto \($proto)"
  elif $port | type == "number" then "\($proto) dport \($port)" + if .endPort then "-\(.endPort)" else "" end
  else [$called[] | .ip as $ip | .ports[] | select(.name == $port and (.protocol // "TCP") == $protocol)
      | "\($ip) . \(.containerPort)"] | select(. != []) | "ip daddr . \($proto) dport \(set)" end;
def ports($called): if (. // []) == [] then "" else .[] | port($called) end;
# The directions that a policy isolates. If it does not say: ingress, and egress too if it has rules for that.
def types:
  if (.policyTypes // []) != [] then .policyTypes[] else "Ingress", if (.egress // []) != [] then "Egress" else empty end end;
# The policies of one direction, each with those pods of this node that are its own.
def policies($cluster; $type):
  $cluster.policies[] | select(any(types; . == $type)) | .namespace as $home
  | .own = [pods($cluster; $home)[] | select($cluster.node == null or .node == $cluster.node)] | select(.own != []);

# What they let through, a line for each peer and port.
def line($side; $own; $peer; $port; $name):
  ["ip \($side) \($own | map(.ip) | set)", $peer, $port, "return comment \"\($name[:120])\""] | map(select(. != "")) | join(" ");
def let_in($cluster):
  policies($cluster; "Ingress") | . as {$own, $namespace, $name} | .ingress[]?
  | (.from | peers($cluster; $namespace; "saddr")) as $peer | (.ports | ports($own)) as $port
  | line("daddr"; $own; $peer.asks; $port; "\($namespace)/\($name)");
def let_out($cluster):
  policies($cluster; "Egress") | . as {$own, $namespace, $name} | .egress[]?
  | (.to | peers($cluster; $namespace; "daddr")) as $peer | (.ports | ports($peer.pods)) as $port
  | line("saddr"; $own; $peer.asks; $port; "\($namespace)/\($name)");
def isolated($cluster; $type; $side): [policies($cluster; $type).own[].ip] | select(. != []) | "ip \($side) \(set)";
def chain($name; $rules): "  chain \($name) {", ($rules[] | "    \(.)"), "  }";

# One transaction: the table is made if it is not there, so that it can be deleted, and made anew.
cluster as $cluster | "table ip netpol", "delete table ip netpol", "table ip netpol {",
  chain("ingress"; [let_in($cluster), "drop"]),
  chain("egress"; [let_out($cluster), "drop"]),
  chain("forward"; ["type filter hook forward priority filter; policy accept;", "ct state established,related accept",
    (isolated($cluster; "Egress"; "saddr") | "\(.) jump egress"),
    (isolated($cluster; "Ingress"; "daddr") | "\(.) jump ingress")]),
  "}"
