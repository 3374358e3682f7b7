# NetworkPolicies guard the pods of this node: who is isolated goes into a chain that ends with drop, and who may, returns.
def set: "{ \(unique | join(", ")) }";
# A selector chooses what all that it asks is true of: one that asks nothing chooses all.
def chooses($labels):
  all(.matchLabels // {} | to_entries[]; $labels[.key] == .value)
  and all(.matchExpressions[]?; . as {$key, $operator, $values} | ($labels | has($key)) as $there
    | if $operator == "Exists" then $there elif $operator == "DoesNotExist" then $there | not
      else ($there and ($labels[$key] | IN($values[]))) == ($operator == "In") end);

[.[] | select(.kind == "Pod" and .spec.hostNetwork != true and .status.podIP and (.status.phase | IN("Succeeded", "Failed") | not))
  | {ip: .status.podIP, namespace: .metadata.namespace, labels: (.metadata.labels // {}), node: .spec.nodeName, ports: [.spec.containers[]?.ports[]?]}] as $pods
| ([.[] | select(.kind == "Namespace") | {(.metadata.name): (.metadata.labels // {})}] | add // {}) as $namespaces

# The pods that are meant by one in namespace $home: both selectors choose, where there are both.
| def meant($home): . as {$podSelector, $namespaceSelector} | [$pods[] | .labels as $labels | .namespace as $its
    | select(($podSelector // {} | chooses($labels))
        and if $namespaceSelector then $namespaceSelector | chooses($namespaces[$its] + {"kubernetes.io/metadata.name": $its}) else $its == $home end)];
# What nft asks of the other end. No list means everybody; a selector that chooses nobody means nobody.
  def peer($home; $side):
    if .ipBlock then {asks: "ip \($side) \(.ipBlock.cidr)\([.ipBlock.except[]? | " ip \($side) != \(.)"] | join(""))", pods: $pods}
    else meant($home) | select(. != []) | {asks: "ip \($side) \(map(.ip) | set)", pods: .} end;
  def peers($home; $side): if (. // []) == [] then {asks: "", pods: $pods} else .[] | peer($home; $side) end;
# And of the port. A name is looked up in the pods that are called: in each it may be another number.
  def port($called): (.protocol // "TCP") as $protocol | ($protocol | ascii_downcase) as $proto | .port as $port
    | if $port == null then "meta l4proto \($proto)"
      elif $port | type == "number" then "\($proto) dport \($port)\(.endPort // "" | if . == "" then . else "-\(.)" end)"
      else [$called[] | .ip as $ip | .ports[] | select(.name == $port and (.protocol // "TCP") == $protocol) | "\($ip) . \(.containerPort)"]
        | select(. != []) | "ip daddr . \($proto) dport \(set)" end;
  def ports($called): if (. // []) == [] then "" else .[] | port($called) end;

  [.[] | select(.kind == "NetworkPolicy") | .metadata.namespace as $home | .spec | .home = $home
    | .own = [meant($home)[] | select(.node == $node)] | select(.own != [])
    | .types = (.policyTypes // (["Ingress"] + if .egress then ["Egress"] else [] end))] as $policies
# One direction: a chain of who may, and a rule that sends there who is isolated.
| def direction($type; $chain; $own; $other): [$policies[] | select(.types | index($type))]
    | "add chain ip policies \($chain)",
      (.[] | . as {$home, own: $pods_of_it} | .[$chain][]?
        | ((.from // .to) | peers($home; $other)) as $peer
        | (.ports | ports(if $chain == "ingress" then $pods_of_it else $peer.pods end)) as $port
        | "add rule ip policies \($chain) ip \($own) \($pods_of_it | map(.ip) | set) \($peer.asks) \($port) return"),
      "add rule ip policies \($chain) drop",
      (select(. != []) | "add rule ip policies forward ip \($own) \(map(.own[].ip) | set) jump \($chain)");

# The chains stay, and what is in them is replaced.
  "add table ip policies", "flush table ip policies",
  "add chain ip policies forward { type filter hook forward priority filter; }",
# Whom a connection was opened for, hears its answers; and a pod cannot keep out itself.
  "add rule ip policies forward ct state established,related accept",
  ($policies | [.[].own[].ip] | unique[] | "add rule ip policies forward ip saddr \(.) ip daddr \(.) accept"),
  direction("Egress"; "egress"; "saddr"; "daddr"),
  direction("Ingress"; "ingress"; "daddr"; "saddr")
