// Real components in nodes: what they are given is what they do, and all of them end with the nodes.
import { readFileSync } from 'node:fs'
import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { authority } from '../../fixtures/kubernetes/certificates.ts'
import { apply, controlPlane, coreDns, kubeProxy, remove } from '../../fixtures/kubernetes/cluster.ts'
import { podsOnBridge } from '../../fixtures/networks/index.ts'
import { fetched } from '../../runner/components/cache.ts'
import type { Nodes } from '../../runner/core/lab.ts'
import { parseTopology } from '../../runner/core/topology.ts'
import { shells } from '../../runner/engine/shell.ts'
import { folders } from '../../runner/engine/state.ts'
import { chosen } from '../helpers/chosen.ts'
import { eventually, here, startLab, type StartedLab } from '../helpers/nodes.ts'
import { providersHere } from '../helpers/providers.ts'

const services = parseTopology(readFileSync(new URL('../../fixtures/topologies/services.yaml', import.meta.url), 'utf8'), 'services.yaml')
const asked = [...new Set(services.nodes.flatMap(({ components = [] }) => components))]
const missing = asked.filter(name => !fetched(folders().cache).includes(name))

const web = (ready: readonly string[]): string => `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: prod, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ name: http, port: 8080, protocol: TCP }]
endpoints: [${ready.map(address => `{ addresses: [${address}], nodeName: node1, conditions: { ready: true } }`).join(', ')}]
`
const objects = `apiVersion: v1
kind: Pod
metadata: { name: red, namespace: prod, labels: { app: web } }
spec: { nodeName: node1, containers: [{ name: web, image: web }] }
status: { phase: Running, podIP: 10.244.1.2, podIPs: [{ ip: 10.244.1.2 }] }
---
apiVersion: v1
kind: Namespace
metadata: { name: prod }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: prod }
spec: { clusterIP: 10.96.0.42, ports: [{ name: http, port: 29500, targetPort: 8080 }] }
---
apiVersion: v1
kind: Service
metadata: { name: nobody, namespace: prod }
spec: { clusterIP: 10.96.0.43, ports: [{ name: http, port: 80 }] }
---
${web(['10.244.1.2', '10.244.1.3'])}`

interface Cluster extends AsyncDisposable {
  readonly lab: StartedLab
  readonly nodes: Nodes<'node1' | 'ext'>
  /** What curl has of the Service: the pods that answered, or curl's error. So often that a pod is passed over by chance once in 500,000 times. */
  answers(): Promise<readonly string[]>
}

async function cluster(name: 'embedded' | 'docker'): Promise<Cluster> {
  const provider = await chosen(name)
  await provider.prepare({ say: () => {} })
  const lab = await startLab(provider, { ...services, nodes: services.nodes.filter(node => ['node1', 'ext'].includes(node.name)) })
  const nodes = shells([lab.node('node1'), lab.node('ext')]) as unknown as Nodes<'node1' | 'ext'>
  await podsOnBridge(nodes.node1, '10.244.1.0/24', { red: '10.244.1.2', blue: '10.244.1.3' })
  await nodes.node1`sysctl -qw net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1; ip route add default via 192.168.1.200
    for pod in red blue; do ip netns exec $pod setsid serve $pod 8080 >/dev/null 2>&1 & done`
  return {
    lab, nodes, [Symbol.asyncDispose]: () => lab[Symbol.asyncDispose](),
    answers: async () => {
      const { stdout } = await lab.sh('for i in $(seq 20); do curl -sS -m 5 http://10.96.0.42:29500 2>&1; echo; done')
      return [...new Set(stdout.split('\n').filter(Boolean).map(line => /^(red|blue) /.exec(line)?.[1] ?? line))].toSorted()
    },
  }
}

for (const { name, because } of await providersHere()) {
  const skipped = because ?? (missing.length > 0 ? `${missing.join(', ')} not fetched: npx lab fetch` : undefined)

  test.skipIf(skipped !== undefined)(`${name}: kube-proxy in both modes does what the objects say, when they change too, and CoreDNS answers${skipped === undefined ? '' : ` (${skipped})`}`, async () => {
    await Promise.all((['iptables', 'nftables'] as const).map(async mode => {
      await using it = await cluster(name)
      const { node1, ext } = it.nodes
      await controlPlane(ext, { objects })
      await kubeProxy({ node1 }, { api: ext, mode })
      // At once: where it is waited for its `/livez`, some first connection meets no rule yet, is remembered as it is, and times out.
      expect(await it.answers()).toEqual(['blue', 'red'])
      expect((await it.lab.sh('curl -sS -m 5 http://10.96.0.43 || echo $?')).stderr).toMatch(/Could not connect|refused/)
      await apply(ext, web(['10.244.1.3']))
      await eventually(() => it.answers(), answered => answered.join() === 'blue')
      await remove(ext, 'EndpointSlice', 'prod', 'web-1')
      await eventually(() => it.answers(), answered => answered.every(each => each.startsWith('curl: (7) ')))
      if (mode === 'nftables') return
      await coreDns(node1, { api: ext, namespace: 'red', pods: 'verified' })
      const dig = (what: string): Promise<string> => it.lab.sh(`ip netns exec blue dig +short +tries=1 +time=30 @10.244.1.2 ${what}`).then(({ stdout }) => stdout.trim())
      expect(await dig('web.prod.svc.cluster.local')).toBe('10.96.0.42')
      expect(await dig('-t SRV _http._tcp.web.prod.svc.cluster.local')).toBe('0 100 29500 web.prod.svc.cluster.local.')
      expect(await dig('10-244-1-2.prod.pod.cluster.local')).toBe('10.244.1.2')
      expect(await dig('-x 10.96.0.42')).toBe('web.prod.svc.cluster.local.')
    }))
  })

  test.skipIf(skipped !== undefined)(`${name}: the API knows nobody without a certificate of its own, and each component may do its part and no more`, async () => {
    await using it = await cluster(name)
    const { ext } = it.nodes
    await controlPlane(ext, { objects })
    const asks = async (credentials: string, path: string, method = 'GET'): Promise<string> =>
      (await it.lab.sh(`cd /etc/kubernetes/pki && curl -s -o /dev/null -w '%{http_code}' -X ${method} ${credentials} https://127.0.0.1:6443${path}`, { on: 'ext' })).stdout
    const admin = '--cacert ca.crt --cert admin.crt --key admin.key'
    expect(await asks(admin, '/api/v1/nodes')).toBe('200')
    expect(await asks('--cacert ca.crt', '/api/v1/nodes')).toBe('401')
    // curl does not believe the server either without its authority.
    expect(await asks('--cert admin.crt --key admin.key', '/api/v1/nodes')).toBe('000')
    await it.lab.sh(`cd /etc/kubernetes/pki && for part in certificate key; do
      sed -n "s/.*client-$part-data: //p" ../kube-proxy.conf | base64 -d >proxy.$part; done`, { on: 'ext' })
    const proxy = '--cacert ca.crt --cert proxy.certificate --key proxy.key'
    // The server is ready when the role is there, and may not have heard of it itself.
    await eventually(() => asks(proxy, '/api/v1/services'), code => code === '200')
    expect(await asks(proxy, '/api/v1/secrets')).toBe('403')
    expect(await asks(proxy, '/api/v1/namespaces/prod/services/web', 'DELETE')).toBe('403')
  })

  test.skipIf(skipped !== undefined)(`${name}: what the API refuses is said in its words, and what cannot start says why itself`, async () => {
    await using it = await cluster(name)
    const { ext, node1 } = it.nodes
    await controlPlane(ext)
    await expect(apply(ext, objects.replace('clusterIP: 10.96.0.42', 'clusterIP: 10.0.0.1'))).rejects.toThrow(/the API refuses Service web: .*10\.0\.0\.1/)
    await expect(apply(ext, 'kind: Cat\nmetadata: { name: tom }')).rejects.toThrow(/^expected one of Namespace, .*, and got Cat$/)
    await expect(kubeProxy({ node1 }, { api: ext, mode: 'ipvs' as never })).rejects.toThrow(/kube-proxy has ended: /)
    await expect(controlPlane(ext, { serviceCidr: 'all' })).rejects.toThrow('expected a subnet, for example 10.96.0.0/12, and got all')
  })

  test.skipIf(skipped !== undefined)(`${name}: what is mounted cannot be written, and nothing that was started outlives the nodes`, async () => {
    const it = await cluster(name)
    const { ext } = it.nodes
    try {
      await controlPlane(ext, { serviceCidr: '10.97.0.0/16' })
      expect((await it.lab.sh('echo x >"$(readlink -f "$(command -v etcd)")"; rm -f "$(readlink -f "$(command -v etcd)")"; touch /usr/local/lib/hardway/components/x', { on: 'ext' })).exitCode).not.toBe(0)
      expect(fetched(folders().cache)).toEqual(expect.arrayContaining(asked))
      // The one that is this lab's has this range: others may run at the same time.
      expect(here(RUNNING).stdout).not.toBe('')
    } finally {
      await it[Symbol.asyncDispose]()
    }
    await eventually(() => here(RUNNING).stdout, running => running === '')
  })
}

const RUNNING = `grep -la 'service-cluster-ip-range=10.97.0.0/16' /proc/[0-9]*/cmdline 2>/dev/null | while read -r path; do
  tr '\\0' ' ' <"$path" | grep '^kube-apiserver'; done`

test('Certificates are signed by their authority, for their names, and say whose they are', () => {
  const ca = authority('kubernetes')
  const top = new X509Certificate(ca.certificate)
  expect(top.ca).toBe(true)
  expect(top.verify(top.publicKey)).toBe(true)
  const server = new X509Certificate(ca.issue({ name: 'kube-apiserver', names: ['kubernetes'], addresses: ['192.168.1.200'] }).certificate)
  expect(server.verify(top.publicKey)).toBe(true)
  expect(server.checkIssued(top)).toBe(true)
  expect([server.checkHost('kubernetes'), server.checkHost('other'), server.checkIP('192.168.1.200'), server.checkIP('192.168.1.20')]).toEqual(['kubernetes', undefined, '192.168.1.200', undefined])
  expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
  const admin = new X509Certificate(ca.issue({ name: 'admin', organization: 'system:masters' }).certificate)
  expect(admin.subject).toBe('O=system:masters\nCN=admin')
  expect(admin.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
  expect(admin.checkIssued(new X509Certificate(authority('kubernetes').certificate)) && admin.verify(new X509Certificate(authority('kubernetes').certificate).publicKey)).toBe(false)
})
