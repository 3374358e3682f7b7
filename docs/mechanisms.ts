// What real systems call what a lab builds. The generator asks the lessons: each name has to stand in the section that it is said
// to be built in, word for word.

export const SYSTEMS = [
  'Docker', 'kube-proxy', 'CoreDNS', 'Flannel', 'Calico', 'Canal', 'Cilium', 'Weave Net', 'kube-router', 'AWS VPC CNI', 'MetalLB', 'Multus', 'SR-IOV', 'containerd', 'Kubernetes itself',
] as const
export type System = typeof SYSTEMS[number]

export interface Mechanism {
  readonly system: System
  /** What it is, in the words of somebody who has not been there. */
  readonly does: string
  /** Its name in that system, as the lesson has it. */
  readonly called: string
  /** The lab's number, and the id of a step, or `reading`. */
  readonly at: string
}

const of = (system: System, ...rows: readonly (readonly [does: string, called: string, at: string])[]): readonly Mechanism[] =>
  rows.map(([does, called, at]) => ({ system, does, called, at }))

export const MECHANISMS: readonly Mechanism[] = [
  ...of('Docker',
    ['the bridge of all containers', 'docker0', '03#bridge'],
    ['containers that leave under the machine\'s address', 'MASQUERADE', '03#masquerade'],
    ['a port of the machine that leads to a container', 'docker-proxy', '03#publish'],
    ['a container in another one\'s network', '--network container:NAME', '04#together'],
    ['a firewall that forwards for containers only', 'FORWARD', '02#firewall']),
  ...of('kube-proxy',
    ['one address for several pods, by rules in a list', 'KUBE-SERVICES', '14#read-it'],
    ['the choice among them', '--probability 0.33333333349', '14#shares'],
    ['the same by one look-up', 'service-ips', '15#map'],
    ['a port on every node', 'service-nodeports', '16#port'],
    ['a mark for what has to come back', 'KUBE-MARK-MASQ', '16#way-back'],
    ['only the pods of this node', 'KUBE-SVL', '16#local'],
    ['a question for load balancers', 'healthCheckNodePort', '16#health'],
    ['a client that stays with its pod', 'recent', '15#affinity']),
  ...of('CoreDNS',
    ['records made of objects', 'kubernetes cluster.local', '18#reading'],
    ['the list of names walked at the server', 'autopath', '18#reading'],
    ['a server that is its own upstream, noticed', 'loop', '18#reading'],
    ['the address that every pod is given', 'clusterDNS', '18#server']),
  ...of('Flannel',
    ['routes between nodes of one wire', 'host-gw', '05#route-out'],
    ['a tunnel between all nodes', 'flannel.1', '08#device'],
    ['a node\'s address inside the tunnel', 'flannel.1', '08#route'],
    ['no address translated between pods', 'FLANNEL-POSTRTG', '06#own-address'],
    ['the same tunnel, encrypted', 'flannel-wg', '09#interface'],
    ['the bridge on the node', 'cni0', '02#bridge']),
  ...of('Calico',
    ['a gateway that nobody has', '169.254.1.1', '10#gateway'],
    ['routes that nodes tell each other', 'BIRD', '10#mesh'],
    ['one who tells them all', 'route reflector', '10#reflector'],
    ['addresses given to a node in blocks', 'block affinity', '10#second-block'],
    ['which addresses are not translated', 'natOutgoing', '06#reading'],
    ['a tunnel between subnets only', 'VXLANCrossSubnet', '08#reading'],
    ['encryption between nodes', 'wireguard.cali', '09#interface'],
    ['a chain for each pod, a set for each selector', 'Felix', '19#compiler'],
    ['the same by programs', 'eBPF dataplane', '11#reading']),
  ...of('Cilium',
    ['routes between nodes, without a tunnel', 'auto-direct-node-routes', '05#route-back'],
    ['a tunnel between all nodes', 'cilium_vxlan', '08#device'],
    ['encryption between nodes', 'cilium_wg0', '09#interface'],
    ['answers that need not come back by the node that was asked', 'direct server return', '16#way-back'],
    ['Services as a map that a program asks', 'cilium_lb4_services_v2', '11#vip'],
    ['which pods have which address', 'cilium_ipcache', '11#policy'],
    ['a way in for what the node itself asks', 'cilium_host', '11#node'],
    ['what became of each packet', 'Hubble', '11#flows'],
    ['rules for HTTP', 'Envoy', '11#reading'],
    ['pods of the same labels as one number', 'identity', '19#compiler']),
  ...of('Weave Net',
    ['a tunnel, in a project that has ended', 'Weave Net', '08#reading'],
    ['encryption by a password that all nodes share', 'Weave Net', '09#reading']),
  ...of('kube-router',
    ['routes that nodes tell each other, with a bridge on each', 'GoBGP', '10#reading'],
    ['policies, as a chain for each pod', 'kube-router', '19#compiler'],
    ['all of it as one program on each node', 'kube-router', '26#reading']),
  ...of('AWS VPC CNI',
    ['pods with addresses of the cloud\'s own network', 'ENI', '07#reading'],
    ['what leaves the cloud\'s network', 'AWS_VPC_K8S_CNI_EXTERNALSNAT', '06#reading'],
    ['policies by programs at the pod\'s interface', 'by eBPF on the pod\'s interface', '19#reading']),
  ...of('MetalLB',
    ['one node that answers for an address', 'layer 2 mode', '17#one-answers'],
    ['who takes over', 'memberlist', '17#moves'],
    ['a router that knows of all nodes', 'BGP mode', '17#many-ways'],
    ['who gets which address', 'IPAddressPool', '17#pool']),
  ...of('Multus',
    ['an annotation that asks for networks', 'k8s.v1.cni.cncf.io/networks', '20#networks'],
    ['one that says what came of it', 'network-status', '20#status'],
    ['a daemon that does the work for the plugin', 'thick', '20#reading'],
    ['one chain of plugins for each network of a pod', 'Multus', '21#reading'],
    ['what asks for an interface', 'NetworkAttachmentDefinition', '25#reading']),
  ...of('SR-IOV',
    ['a part of a card, moved into a pod', 'virtual function', '21#reading'],
    ['who knows where parts are left', 'device plugin', '25#reading'],
    ['what moves it', 'sriov-cni', '20#reading'],
    ['a table of routes for each address that a pod sends from', 'sbr', '21#all-rails']),
  ...of('containerd',
    ['the folder that says how pods are joined', '/etc/cni/net.d', '13#ready'],
    ['the folders where plugins are looked for', 'bin_dirs', '13#sandbox'],
    ['from a container to its process', 'crictl inspect', '13#whose']),
  ...of('Kubernetes itself',
    ['why a node is not ready', 'cni plugin not initialized', '13#ready'],
    ['what holds a pod\'s network while its containers come and go', 'pause', '04#sandbox'],
    ['the routes of a cloud\'s table', 'cloud controller manager', '07#reading'],
    ['how a runtime asks for a pod\'s network', 'CNI_COMMAND', '12#speak'],
    ['several plugins, one after the other', 'prevResult', '12#chain'],
    ['who is behind a Service', 'EndpointSlice', '15#compile'],
    ['what a short name becomes', 'ndots', '18#search'],
    ['a range of pods for each node', 'podCIDR', '23'],
    ['the objects, and who may have them', 'kube-apiserver', '23'],
    ['who may reach whom', 'NetworkPolicy', '19#default-deny']),
]
