# Each port of each Service, and its port of the nodes, leads to one of the endpoints that are ready.
map(select(.kind == "EndpointSlice" and .addressType == "IPv4")) as $slices
| [ .[] | select(.kind == "Service" and (.spec.clusterIP // "None") != "None")
    | .metadata as {$namespace, $name} | .spec.clusterIP as $vip
    | [$slices[] | select(.metadata.namespace == $namespace and .metadata.labels["kubernetes.io/service-name"] == $name)] as $own
    | .spec.ports[] | (.name // "") as $called
    | {$vip, port, nodePort, protocol: (.protocol // "TCP" | ascii_downcase),
        endpoints: [$own[] | (.ports[]? | select((.name // "") == $called).port) as $port | .endpoints[]?
          | select(.conditions.ready != false) | "\(.addresses[0]) . \($port)"] | unique}
    | .chain = "\($namespace)/\($name)/\(.protocol)/\(.port)" ] as $ports
| "add table ip services", "delete table ip services", "add table ip services",
  "add map ip services ports { type ipv4_addr . inet_proto . inet_service : verdict; }",
  "add map ip services node-ports { type inet_proto . inet_service : verdict; }",
  "add set ip services vips { type ipv4_addr; }",
  ( $ports[]
    | "add chain ip services \(.chain)",
      if .endpoints == [] then "add rule ip services \(.chain) reject"
      else "add rule ip services \(.chain) meta l4proto \(.protocol) dnat to numgen random mod \(.endpoints | length) map { \(.endpoints | to_entries | map("\(.key) : \(.value)") | join(", ")) }" end,
      "add element ip services vips { \(.vip) }",
      "add element ip services ports { \(.vip) . \(.protocol) . \(.port) : goto \(.chain) }",
      (select(.nodePort) | "add element ip services node-ports { \(.protocol) . \(.nodePort) : goto \(.chain) }") ),
  "add chain ip services choose",
  "add rule ip services choose ip daddr . meta l4proto . th dport vmap @ports",
  "add rule ip services choose ip daddr @vips reject",
  "add rule ip services choose fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @node-ports",
  ( ["arriving", "prerouting"], ["own", "output"] | "add chain ip services \(.[0]) { type nat hook \(.[1]) priority dstnat; }", "add rule ip services \(.[0]) goto choose" ),
# Two kinds of callers are hidden: a pod that was led to itself, and whoever came by a node's port, since the answer has to come back that way.
  "add chain ip services leaving { type nat hook postrouting priority srcnat; }",
  ( [$ports[].endpoints[] | split(" ")[0]] | unique[] | "add rule ip services leaving ip saddr \(.) ip daddr \(.) masquerade" ),
  "add rule ip services leaving ct status dnat ct original ip daddr != @vips masquerade"
