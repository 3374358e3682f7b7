# What a pod of this node sends to whoever is no pod goes out by the node's address.
[.[] | select(.kind == "Node" and .spec.podCIDR)] as $nodes
| "add table ip egress", "delete table ip egress", "add table ip egress",
  "add set ip egress pods { type ipv4_addr; flags interval; }",
  ($nodes[] | "add element ip egress pods { \(.spec.podCIDR) }"),
  "add chain ip egress leaving { type nat hook postrouting priority srcnat; }",
  ($nodes[] | select(.metadata.name == $node) | "add rule ip egress leaving ip saddr \(.spec.podCIDR) ip daddr != @pods masquerade")
