// Reads what a container runtime says of itself and its pods through CRI, by crictl, and the leases of host-local.
import { needed, readJson, record, records, text, texts, whole, type Json } from './json.ts'

export interface Runtime {
  /** What it says of the pods' network; with why not. */
  readonly network: { readonly ready: boolean; readonly message: string }
  /** Of the last time that it read its CNI configurations: `OK`, or what was wrong. */
  readonly loaded: string
  /** Where it looks for plugins, in this order. */
  readonly pluginDirs: readonly string[]
  /** What it calls for each pod, in this order: for `lo` its own network, for `eth0` the configuration in force. */
  readonly networks: readonly RuntimeNetwork[]
  readonly pods: readonly RuntimePod[]
  readonly containers: readonly RuntimeContainer[]
  readonly leases: readonly Lease[]
}

export interface RuntimeNetwork {
  readonly ifname: string
  readonly name: string
  readonly plugins: readonly { readonly type: string; readonly ipam: RuntimeIpam | undefined }[]
}

export interface RuntimeIpam {
  readonly type: string
  /** As host-local's configuration has them. */
  readonly subnets: readonly string[]
  readonly dataDir: string | undefined
}

export interface RuntimePod {
  readonly id: string
  readonly name: string
  readonly ready: boolean
  /** The name of its network namespace under /run/netns; none: it has none of its own. */
  readonly namespace: string | undefined
}

export interface RuntimeContainer {
  readonly id: string
  readonly name: string
  readonly pod: string
  readonly running: boolean
  readonly pid: number
}

/** An address that host-local has given away, and to which pod. */
export interface Lease {
  readonly network: string
  readonly address: string
  readonly id: string
}

/** Prints all of it, each part below a line `== NAME`. crictl says that nothing is there by printing how it is used. */
export const RUNTIME = `echo '== info'
crictl --timeout 8s info || exit
echo '== pods'
crictl --timeout 8s inspectp 2>/dev/null
echo '== containers'
crictl --timeout 8s inspect 2>/dev/null
echo '== leases'
cd /var/lib/cni/networks 2>/dev/null || exit 0
for lease in */*.*.*.*; do [ ! -f "$lease" ] || { read -r id _ <"$lease"; echo "$lease $id"; }; done
exit 0`

export function readRuntime(output: string): Runtime {
  const parts = new Map(output.split(/^(?=== )/m).map(part => {
    const [head = '', ...rest] = part.split('\n')
    return [head.slice('== '.length), rest.join('\n')] as const
  }))
  const info = record(readJson(needed(parts.get('info'), 'part called info')))
  const condition = records(record(info['status'])['conditions']).find(one => one['type'] === 'NetworkReady')
  const cni = record(info['cniconfig'])
  return {
    network: { ready: needed(condition, 'condition NetworkReady')['status'] === true, message: text(condition?.['message']) ?? '' },
    loaded: text(info['lastCNILoadStatus']) ?? '',
    pluginDirs: texts(cni['PluginDirs']),
    networks: Array.isArray(cni['Networks']) ? records(cni['Networks']).map(network) : [],
    pods: inspected(needed(parts.get('pods'), 'part called pods')).map(pod),
    containers: inspected(needed(parts.get('containers'), 'part called containers')).map(container),
    leases: needed(parts.get('leases'), 'part called leases').split('\n').flatMap(line => {
      const [, name, address, id] = /^([^/]+)\/([\d.]+) ([0-9a-zA-Z_.-]+)$/.exec(line.replace('\r', '')) ?? []
      return name === undefined || address === undefined || id === undefined ? [] : [{ network: name, address, id }]
    }),
  }
}

/** One is an object, several are a list, and none is the tool's help. */
function inspected(part: string): readonly Json[] {
  if (!/^[[{]/.test(part)) return []
  const value = readJson(part)
  return Array.isArray(value) ? records(value) : [record(value)]
}

function network(one: Json): RuntimeNetwork {
  const config = record(one['Config'])
  return {
    ifname: text(one['IFName']) ?? '', name: text(config['Name']) ?? '',
    plugins: records(config['Plugins'] ?? []).map(plugin => {
      const source = record(readJson(text(plugin['Source']) ?? '{}'))
      return { type: needed(text(source['type']), 'type of a plugin'), ipam: ipam(record(source['ipam'])) }
    }),
  }
}

function ipam(one: Json): RuntimeIpam | undefined {
  const type = text(one['type'])
  if (type === undefined) return undefined
  const sets = Array.isArray(one['ranges']) ? one['ranges'] : []
  const ranges = sets.flatMap(set => Array.isArray(set) ? set.map(record) : [])
  return { type, subnets: [one, ...ranges].flatMap(range => text(range['subnet']) ?? []), dataDir: text(one['dataDir']) }
}

function pod(one: Json): RuntimePod {
  const [status, info] = [record(one['status']), record(one['info'])]
  const namespaces = record(record(info['runtimeSpec'])['linux'])['namespaces']
  const own = Array.isArray(namespaces) ? records(namespaces).find(({ type }) => type === 'network') : undefined
  return {
    id: needed(text(status['id']), 'pod with an id'), name: text(record(status['metadata'])['name']) ?? '',
    ready: status['state'] === 'SANDBOX_READY', namespace: text(own?.['path'])?.split('/').at(-1),
  }
}

function container(one: Json): RuntimeContainer {
  const [status, info] = [record(one['status']), record(one['info'])]
  return {
    id: needed(text(status['id']), 'container with an id'), name: text(record(status['metadata'])['name']) ?? '',
    pod: text(info['sandboxID']) ?? '', running: status['state'] === 'CONTAINER_RUNNING', pid: whole(info['pid']) ?? 0,
  }
}
