// Objects of the Kubernetes API, as far as they decide who reaches whom. Defaults are filled in.
import type { Position } from '../runner/core/mistake.ts'

export type Protocol = 'TCP' | 'UDP' | 'SCTP'
export type Labels = Readonly<Record<string, string>>

export interface Objects {
  readonly namespaces: readonly Namespace[]
  readonly pods: readonly Pod[]
  readonly services: readonly Service[]
  readonly slices: readonly EndpointSlice[]
  readonly nodes: readonly ClusterNode[]
  readonly policies: readonly NetworkPolicy[]
  /** Kinds that decide nothing here, for example a Deployment: its pods do. */
  readonly others: readonly Other[]
}

export interface Other {
  readonly kind: string
  readonly name: string
  readonly at: Position
}

/** Every namespace carries its own name as the label `kubernetes.io/metadata.name`: the API server sets it. */
export interface Namespace {
  readonly name: string
  readonly labels: Labels
}

export interface Pod {
  readonly name: string
  readonly namespace: string
  readonly labels: Labels
  readonly ports: readonly ContainerPort[]
  /** `spec.nodeName`. */
  readonly node: string | undefined
  /** `status.podIP`; a manifest that was never applied has none. */
  readonly address: string | undefined
  /** Without a status: true, as it will be if all goes well. */
  readonly ready: boolean
  readonly hostNetwork: boolean
  /** `metadata.deletionTimestamp` is there: it has been told to end. */
  readonly terminating: boolean
  /** It has ended, well or badly, and will not run again: `status.phase`. */
  readonly ended: boolean
  /** `spec.hostname` and `spec.subdomain`: with both, and a headless Service called like the subdomain, it has a name in DNS. */
  readonly hostname: string | undefined
  readonly subdomain: string | undefined
}

export interface ContainerPort {
  readonly name: string | undefined
  readonly port: number
  readonly protocol: Protocol
}

export interface Service {
  readonly name: string
  readonly namespace: string
  readonly type: 'ClusterIP' | 'NodePort' | 'LoadBalancer' | 'ExternalName'
  /** `None` for a headless Service; undefined as long as the API server has not given it one. */
  readonly clusterIP: string | undefined
  /** None: its endpoints are written by somebody else. */
  readonly selector: Labels | undefined
  readonly ports: readonly ServicePort[]
  readonly internalTrafficPolicy: 'Cluster' | 'Local'
  readonly publishNotReadyAddresses: boolean
  /** Of an ExternalName. */
  readonly externalName: string | undefined
  /** Of what comes to a node's port, an external address or a load balancer's. */
  readonly externalTrafficPolicy: 'Cluster' | 'Local'
  readonly externalIPs: readonly string[]
  /** `status.loadBalancer.ingress`. */
  readonly loadBalancerIPs: readonly string[]
  readonly loadBalancerClass: string | undefined
  readonly loadBalancerSourceRanges: readonly string[]
  readonly healthCheckNodePort: number | undefined
  /** `sessionAffinity: ClientIP`: for so many seconds a client stays with its endpoint. */
  readonly affinitySeconds: number | undefined
}

export interface ServicePort {
  readonly name: string | undefined
  readonly protocol: Protocol
  readonly port: number
  /** A number, or the name of a container's port. */
  readonly targetPort: number | string
  /** Undefined as long as the API server has not given it one. */
  readonly nodePort: number | undefined
}

export interface EndpointSlice {
  readonly name: string
  readonly namespace: string
  /** The label `kubernetes.io/service-name`. */
  readonly service: string | undefined
  readonly addressType: 'IPv4' | 'IPv6' | 'FQDN'
  readonly endpoints: readonly SliceEndpoint[]
  readonly ports: readonly SlicePort[]
}

export interface SliceEndpoint {
  /** Consumers use the first. */
  readonly addresses: readonly string[]
  readonly ready: boolean
  /** Ready, whether or not it has been told to end. */
  readonly serving: boolean
  readonly terminating: boolean
  readonly hostname: string | undefined
  readonly node: string | undefined
  /** The name of the pod, in the same namespace. */
  readonly pod: string | undefined
}

export interface SlicePort {
  readonly name: string | undefined
  readonly protocol: Protocol
  readonly port: number | undefined
}

export interface ClusterNode {
  readonly name: string
  readonly addresses: readonly string[]
  readonly podCIDR: string | undefined
}

export interface NetworkPolicy {
  readonly name: string
  readonly namespace: string
  readonly podSelector: Selector
  readonly ingress: readonly Rule[]
  readonly egress: readonly Rule[]
  readonly policyTypes: readonly PolicyType[]
}

export type PolicyType = 'Ingress' | 'Egress'

export interface Rule {
  /** Empty: every peer. */
  readonly peers: readonly Peer[]
  /** Empty: every port. */
  readonly ports: readonly PolicyPort[]
}

export type Peer =
  /** Without a namespaceSelector: pods of the policy's own namespace. Without a podSelector: all pods of those namespaces. */
  | { readonly podSelector: Selector | undefined; readonly namespaceSelector: Selector | undefined }
  | { readonly ipBlock: { readonly cidr: string; readonly except: readonly string[] } }

export interface PolicyPort {
  readonly protocol: Protocol
  /** Undefined: every port of the protocol. A name is that of a port of the pod that is reached. */
  readonly port: number | string | undefined
  readonly endPort: number | undefined
}

/** All requirements have to hold; none selects everything. */
export type Selector = readonly Requirement[]

export interface Requirement {
  readonly key: string
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist'
  readonly values: readonly string[]
}
