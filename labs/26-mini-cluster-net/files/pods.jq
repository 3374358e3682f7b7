# Objects, and what the kernel has → del, add and tell, a line each.
# $routes are those that lead to pods, $spaces the network namespaces, as ip prints them. A pod's route is made last: where it is, all is there.
def number: split(".") | reduce .[] as $byte (0; . * 256 + ($byte | tonumber));
def address: . as $number | [16777216, 65536, 256, 1 | $number / . | floor % 256 | tostring] | join(".");
# Names of interfaces have 15 characters at most: a pod's is a number made of its name.
def cable: "pod" + (explode | reduce .[] as $char (5381; (. * 33 + $char) % 4294967296) | tostring);

($routes | map({key: .dev, value: .dst}) | from_entries) as $has
| [$spaces | split("\n")[] | split(" ")[0]] as $spaces
| first(.[] | select(.kind == "Node" and .metadata.name == $node)) as $self
| ($self.status.addresses[] | select(.type == "InternalIP").address) as $host
| ($self.spec.podCIDR | split("/")) as [$network, $prefix]
| [range(1; pow(2; 32 - ($prefix | tonumber)) - 1) + ($network | number) | address] as $range
# What has ended needs no network, and a pod on its node's network has none of its own.
| [.[] | select(.kind == "Pod" and .spec.nodeName == $node and .spec.hostNetwork != true and (.status.phase | IN("Succeeded", "Failed") | not))
    | .metadata as {$namespace, $name} | "\($namespace)_\($name)" as $space
    | {$space, cable: ($space | cable), path: "namespaces/\($namespace)/pods/\($name)", told: .status.podIP, has: $has[$space | cable]}]
| ([.[] | select(.has)]) as $whole | [.[] | select(.has | not)] as $missing
# Who is missing gets the address that the API knows, if nobody else has it, or else a free one.
| ($range - [$whole[].has]) as $free
| [$missing[] | select(.told | IN($free[])) | .address = .told] as $again
| ($free - [$again[].told]) as $free
| [[$missing[] | select(.told | IN($again[].told) | not)] | to_entries[] | .value + {address: $free[.key]} | select(.address)] as $new |
# What is there for nobody goes, and so does what is half.
  ($spaces - [$whole[].space] | .[] | "del \(.) \(cable)"), # (for the last step)
  (($again + $new)[] | "add \(.space) \(.cable) \(.address) \($host)", "tell \(.path) \(.address)"),
  ($whole[] | select(.has != .told) | "tell \(.path) \(.has)")
