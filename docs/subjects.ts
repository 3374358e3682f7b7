// What the course promises to teach, and where. Words that a lesson about it cannot do without have to stand in the section; what a later
// lab teaches waits for it, and the test says so.

export interface Subject {
  readonly about: string
  /** The number of a lab, with the id of a step or `reading`; without one, anywhere in its lesson. */
  readonly at: readonly string[]
  readonly words: readonly string[]
}

/** `about`, where, and words which all these places together have to have. */
const rows: readonly (readonly [about: string, at: string, ...words: readonly string[]])[] = [
  // What the model promises.
  ['How a pod gets an address of its own', '01#addresses 12#join', 'ip addr add', '"ips"'],
  ['How pods of one node reach each other', '02#ports', 'master'],
  ['How pods of two nodes reach each other', '05#route-out 05#route-back', 'ip route add'],
  ['How Services reach pods', '14#one-backend', 'DNAT'],
  ['How policies control traffic', '19#default-deny', 'NetworkPolicy', 'policyTypes'],
  ['The rules of the network model: an address of one\'s own, no NAT between pods, and seeing oneself as others do', '04#sandbox 06#own-address', 'address'],
  ['One network namespace for all containers of a pod: localhost, and one set of ports', '04#together', 'localhost'],
  ['What a pod keeps when a container restarts: the pause container', '04#sandbox 04#restart', 'pause'],
  ['Three ranges, of nodes, pods and Services, that must not overlap', '05#second-range 23', 'overlap'],
  // How a pod is plugged in.
  ['Pairs of virtual cables, and how to find the other end', '01#cable 03#cable', 'veth', 'eth0@if'],
  ['The node\'s bridge: docker0, cni0, cbr0', '02#bridge', 'cni0', 'cbr0'],
  ['A container\'s packets on one machine, from eth0 to docker0 and out, as the node', '03#forward 03#masquerade', 'ip_forward', 'MASQUERADE'],
  ['A daemon\'s choice of the bridge\'s range', '03#bridge', 'daemon.json'],
  ['What happens between a runtime and a plugin: environment, JSON on standard input, ADD and DEL', '12#speak 12#join 12#leave', 'CNI_COMMAND', 'DEL'],
  ['An allocator of addresses under fifty calls at once', '12#addresses', 'lock'],
  ['A chain of plugins, and what passes from one to the next', '12#chain', 'prevResult'],
  ['Kubelet, CRI, containerd and the plugin: who calls whom, and which paths', '13#ready 13#sandbox', 'crictl', '/etc/cni/net.d', '/opt/cni/bin'],
  ['A node that is NotReady, since the plugin is not there', '13#ready', 'cni plugin not initialized'],
  ['From a container\'s number to its process, its namespace and its cable', '03#cable 13#whose', 'nsenter'],
  ['A node with several makers of networks at once: cali, docker0, flannel.1, bond0.2236', '10#mesh 22', 'docker0'],
  // Between nodes.
  ['Ranges of pods by node, and a route for each', '05#route-out', '10.244.2.0/24'],
  ['A router in the middle that knows all routes', '05#router', 'router'],
  ['Overlay or native: what each costs', '07#reading 08#mtu', 'MTU', 'overlay'],
  ['A cloud\'s route table, and the source/destination check', '07#route-table 07#foreign-addresses', 'create-route', 'source'],
  ['Flannel: a tunnel of VXLAN, its three tables, and 1450', '08#device 08#neighbour 08#fdb 08#mtu', 'flannel.1', '1450'],
  ['Flannel\'s own daemon, and where it keeps leases', '22', 'subnet.env'],
  ['Encryption between nodes', '09#handshake 09#route', 'wg'],
  ['Calico: BIRD, birdcl, established sessions and the routes that come of them', '10#mesh', 'birdcl', 'Established'],
  ['Cilium: Services, identities and flows by eBPF', '11#load 11#vip 11#policy', 'program', 'map', 'identit'],
  ['Hubble\'s view of flows, and rules for HTTP', '11#flows 11#http', 'Hubble', 'GET'],
  ['Weave Net, kube-router and the others, and what became of them', '08#reading 10#reading', 'Weave Net', 'kube-router'],
  ['Canal: flannel\'s network under Calico\'s policies', '22', 'Canal'],
  // Services.
  ['A ClusterIP, its endpoints, and how the choice is made', '14#shares', '0.33333333349'],
  ['Endpoints that come and go, and what conntrack remembers of them', '14#gone', 'conntrack'],
  ['The modes of kube-proxy', '15#reading', 'nftables', 'ipvs'],
  ['A port on every node, and a Prometheus that scrapes it', '16#port 16#way-back', '31175', 'Prometheus'],
  ['An address for the outside: MetalLB in both modes, its pools', '17#one-answers 17#many-ways 17#pool', 'MetalLB', 'IPAddressPool'],
  // Names.
  ['From a short name to an address: resolv.conf, search list, ndots', '18#search', 'ndots', 'search'],
  ['The records of Services and pods: A, SRV, PTR, headless', '18#services 18#pods', 'SRV', 'PTR', 'headless'],
  ['The Corefile', '18#reading', 'Corefile'],
  ['Fewer questions for names outside: dnsConfig', '18#outside', 'ndots:2'],
  ['When a name is not found: who is asked, by what, and who denies it', '18#search 24#policy', 'NXDOMAIN', 'resolv.conf'],
  // Policies.
  ['Allowed by default, isolated once chosen', '19#default-deny 19#trainers', 'isolated'],
  ['Selectors that stand together, and apart', '19#payment', 'namespaceSelector'],
  ['The five policies of a namespace', '19#five-policies', 'policies'],
  ['Plugins that ignore policies', '19#default-deny', 'flannel'],
  // More than one interface.
  ['Why a pod has one interface, and how Multus gives it nine', '20#between 20#networks 20#reading', 'Multus', 'NetworkAttachmentDefinition'],
  ['The annotation that asks for interfaces, and the one that says what came of it', '20', 'k8s.v1.cni.cncf.io/networks', 'network-status'],
  ['Rails, a rule and a table for each', '21#one-rail 21#all-rails', 'ip rule', 'table'],
  ['A rendezvous by a Service, and gradients by the rails', '25#rendezvous 25#rails', '29500', 'rail'],
  ['Tenants that must not meet, on each of their networks', '25#tenants', 'team', 'rail'],
  // Clusters.
  ['A cluster by hand, certificate by certificate', '23', 'kube-apiserver', 'etcd'],
  ['podCIDR, and who gives it to a node', '23', 'podCIDR'],
  ['An agent of one\'s own, which follows the API and survives its own end', '26', 'killed', 'API'],
  // When it does not work.
  ['A checklist of ten questions, and where to begin', '24', '/etc/cni/net.d', 'ContainerCreating', 'Pending'],
  ['The path of somebody who looks for a fault: addresses, routes, neighbours, names, ports', '24#one-way 24#rail', 'tcpdump', 'ip -br', 'ip neigh'],
  ['A pod whose second interface is missing', '24#rail', 'net1', 'ibv_devices', 'NetworkAttachmentDefinition'],
  ['What to do, and what to leave alone', '24#reading', 'overlap'],
]

export const SUBJECTS: readonly Subject[] = rows.map(([about, at, ...words]) => ({ about, at: at.split(' '), words }))

export interface Exercise {
  readonly asks: string
  /** The number of a lab, and the name of the answer, as `lab answer` takes it. */
  readonly answered: readonly string[]
}

/** Exercises that are graded on live nodes. */
export const EXERCISES: readonly Exercise[] = [
  { asks: 'Find a pod\'s network namespace from its process', answered: ['01 red-inode', '03 pid', '13 pid', '13 network'] },
  { asks: 'Find the other end of a pod\'s cable on its node', answered: ['01 other-end', '03 veth', '13 cable'] },
  { asks: 'Say whose address a pod\'s gateway is', answered: ['02 gateway-mac', '03 gateway-mac', '23 gateway'] },
  { asks: 'Say behind which port of a bridge a pod is', answered: ['02 green-behind'] },
  { asks: 'Say which process of a pod must not end', answered: ['04 who-must-stay'] },
  { asks: 'Trace the way between two pods, and count its routers', answered: ['05 routers-back', '23 second-hop'] },
  { asks: 'Find ranges that overlap', answered: ['05 ranges'] },
  { asks: 'Say which address the other side sees', answered: ['06 to-a-node', '06 to-a-new-node', '16 seen', '08 source'] },
  { asks: 'Compute the largest packet of a tunnel', answered: ['08 largest', '09 overhead'] },
  { asks: 'Say how many entries, sessions or keys a hundred nodes need', answered: ['05 hundred-nodes', '08 entries', '09 hundred-nodes', '10 sessions'] },
  { asks: 'Read the rules of a kube-proxy', answered: ['14 endpoint-of-half', '14 table-that-refuses', '14 who-is-marked'] },
  { asks: 'Look up a Service and a headless one, and say what each returns', answered: ['18 one-or-many', '18 of-headless', '23 headless'] },
  { asks: 'Find out which plugin a cluster has, and how it reaches other nodes', answered: ['23 plugin', '24 no-way'] },
  { asks: 'Count what a short name costs', answered: ['18 how-many-asked', '18 how-many-questions'] },
  { asks: 'Read a policy as it is meant', answered: ['19 trainers', '19 both', '19 either'] },
  { asks: 'Say by which of several interfaces a packet leaves', answered: ['21 unbound', '21 across', '22 to-its-own-pod', '22 to-another-node', '22 to-storage'] },
  { asks: 'Compute how many pods a range has addresses for', answered: ['10 pods', '12 how-many', '26 free'] },
  { asks: 'Say which pod has an address, and which interface it lacks', answered: ['25 whose', '24 left-behind', '20 second-name'] },
  { asks: 'Follow a job past the Service at which it met', answered: ['25 sent-to'] },
  { asks: 'Find out at which interface a dark wire is felt', answered: ['25 lost-carrier'] },
  { asks: 'Say the cause before the mend', answered: ['24 no-way', '24 switched-off', '24 too-small', '24 refuses', '24 remembered', '24 not-chosen', '24 left-behind', '24 translated', '24 hidden'] },
]
