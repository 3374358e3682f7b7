// The components of a Kubernetes cluster that a node may be given. Names and shapes only: which version of each, and where
// it comes from, is in fixtures/kubernetes.

/** A program, or a few, of one project, in one version. */
export interface Component {
  readonly what: string
  /** As its project writes it: v1.36.3. */
  readonly version: string
  /** The programs that it brings; all of one component lie in one folder. */
  readonly programs: readonly string[]
  /** Where a node has them. Default: a folder of its PATH. */
  readonly into?: string
  /** By processor, as its project publishes it. None: it is always built. */
  readonly release?: (arch: Arch) => Release
  readonly source: Source
}

/** Processors, as these projects call them. */
export type Arch = 'amd64' | 'arm64'

export interface Release {
  readonly url: string
  /** Of a file with the SHA-256 of the download: that alone, or as `sha256sum` writes it, also among others. */
  readonly sha256: string
  /** In an archive: where each program is. Default: the download is the program. */
  readonly members?: Readonly<Record<string, string>>
}

/** How Go builds it. The modules that it may take, each with its hash, are in a folder of fixtures/kubernetes/source. */
export interface Source {
  readonly folder: string
  /** The package of each program. */
  readonly packages: Readonly<Record<string, string>>
  /** Imports that its main package goes without. It is then built by its own go.mod, in a copy. */
  readonly without?: readonly string[]
  /** `-X` of the linker. */
  readonly set?: Readonly<Record<string, string>>
}

/** By their stable names: a topology's `components` and a `requires` name these. */
export const COMPONENTS = [
  'etcd', 'kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet', 'kube-proxy', 'kubectl', 'kubeadm',
  'containerd', 'crictl', 'cni-plugins', 'cnitool', 'coredns', 'flanneld', 'multus', 'kind',
] as const

export type ComponentName = typeof COMPONENTS[number]

export function isComponent(name: string): name is ComponentName {
  return (COMPONENTS as readonly string[]).includes(name)
}

/** How many inotify instances the programs of a component hold open while they run, as counted in their /proc/PID/fd at the end of lab 23. */
export const INOTIFY_INSTANCES: Partial<Record<ComponentName, number>> = { 'kube-apiserver': 3, 'kube-controller-manager': 2, 'kube-scheduler': 1, kubelet: 6, containerd: 2 }
