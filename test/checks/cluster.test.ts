// What the checks of a cluster say of what its programs say: texts as they came from real ones. Right and wrong clusters themselves are
// the ways of lab 23.
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import {
  apiGuarded, apiReady, controllersWork, etcdGuarded, keysStay, kubeletReached, kubeletsTell, knownAs, lacksCniOnly, nobodySkips, nodesHaveRanges, nodesReady, podsInRange, sameRanges, serverNames, signedCertificates,
} from '../../checks/index.ts'
import { authority } from '../../fixtures/kubernetes/certificates.ts'
import type { Bench, Check } from '../../runner/core/bench.ts'
import { judge } from '../../runner/engine/judge.ts'

type Answer = string | { readonly exitCode: number | undefined; readonly stdout?: string; readonly stderr?: string }
/** By node and a part of the command. */
type Answers = Readonly<Record<string, Answer>>

function benchOf(answers: Answers): Bench {
  const place = (name: string): ReturnType<Bench['place']> => ({
    name,
    exec: async argv => {
      const asked = `${name} ${argv.join(' ')}`
      const found = Object.entries(answers).find(([key]) => key.split('…').every(part => asked.includes(part)))?.[1] ?? ''
      const told = typeof found === 'string' ? { exitCode: 0, stdout: found } : found
      return { place: name, argv, ms: 1, stdout: '', stderr: '', ...told }
    },
  })
  return {
    topology: { segments: [], nodes: ['server', 'node-0', 'node-1'].map(name => ({ name, interfaces: [], diskMiB: 64 })) }, place,
    namespaces: async () => [], trace: undefined,
  }
}

async function says(check: Check, answers: Answers): Promise<string> {
  const verdict = await judge(check, benchOf(answers))
  return verdict.status === 'pass' ? 'pass' : `${verdict.status}: ${verdict.because}`
}

const got = (...answers: readonly (readonly [number, unknown])[]): string => answers.map(([code, body]) => `${typeof body === 'string' ? body : JSON.stringify(body)}\n== ${code}\n`).join('')
const workers = ['node-0', 'node-1'] as const
const node = (name: string, podCIDR?: string, ready?: object): object => ({ metadata: { name }, spec: { podCIDR }, status: { conditions: ready === undefined ? [] : [{ type: 'Ready', ...ready }] } })
const nodes = (...items: readonly object[]): Answers => ({ 'server curl…/api/v1/nodes': got([200, { items }]) })

describe('certificates', () => {
  const [ca, other] = [authority('hard-way'), authority('hard-way')]
  const files = (all: Readonly<Record<string, string>>): string => Object.entries(all).map(([name, text]) => `==> ${name}.crt <==\n${text}\n`).join('')
  const kubelet = ca.issue({ name: 'system:node:node-0', organization: 'system:nodes', names: ['node-0'], addresses: ['192.168.1.11'] }).certificate
  const signed = signedCertificates({ 'node-0': ['node-0'] })
  const server = { 'server sh…tail': files({ ca: ca.certificate }) }
  test('are right', async () => {
    const there = { ...server, 'node-0 sh…tail': files({ ca: ca.certificate, 'node-0': kubelet }) }
    expect(await says(signed, there)).toBe('pass')
    expect(await says(serverNames('node-0', 'node-0', ['node-0', '192.168.1.11']), there)).toBe('pass')
    expect(await says(knownAs({ 'node-0': { node: 'node-0', user: 'system:node:node-0', group: 'system:nodes' } }), there)).toBe('pass')
  })
  test('lie beside their keys, and beside no other', async () => {
    const key = (of: string): string => createPublicKey(createPrivateKey(of)).export({ type: 'spki', format: 'pem' }).toString()
    const own = ca.issue({ name: 'node-0' })
    const there = (keys: Readonly<Record<string, string>>) => ({ ...server, 'node-0 sh…tail': files({ 'node-0': own.certificate }), 'node-0 sh…openssl': Object.entries(keys).map(([name, of]) => `==> ${name} <==\n${of}`).join('') })
    const check = keysStay({ 'node-0': ['node-0'] })
    expect(await says(check, there({ 'node-0.key': key(own.key) }))).toBe('pass')
    expect(await says(check, there({}))).toBe('fail: node-0 has node-0.crt, and no key that belongs to it')
    expect(await says(check, there({ 'node-0.key': key(own.key), 'admin.key': key(other.issue({ name: 'admin' }).key) }))).toBe('fail: node-0 has in /etc/kubernetes/pki/admin.key a key that is of none of its own certificates')
    expect(await says(check, there({ 'ca.key': new X509Certificate(ca.certificate).publicKey.export({ type: 'spki', format: 'pem' }).toString(), 'node-0.key': key(own.key) }))).toMatch(/^fail: node-0 has in \/etc\/kubernetes\/pki\/ca\.key the key of the authority/)
  })
  test('are missing, of another authority, for another name', async () => {
    expect(await says(signed, server)).toBe('fail: node-0 has no /etc/kubernetes/pki/ca.crt')
    expect(await says(signed, { ...server, 'node-0 sh…tail': files({ ca: other.certificate, 'node-0': kubelet }) })).toBe('fail: ca.crt of node-0 is another authority than that of server')
    expect(await says(signed, { ...server, 'node-0 sh…tail': files({ ca: ca.certificate, 'node-0': other.issue({ name: 'x' }).certificate }) })).toMatch(/^fail: node-0\.crt of node-0 is not signed by the authority on server/)
    expect(await says(signed, { ...server, 'node-0 sh…tail': files({ ca: ca.certificate, 'node-0': 'hello' }) })).toBe('fail: /etc/kubernetes/pki/node-0.crt of node-0 is no certificate')
    const there = { 'node-0 sh…tail': files({ 'node-0': kubelet }) }
    expect(await says(serverNames('node-0', 'node-0', ['192.168.1.12']), there)).toMatch(/^fail: it does not name 192\.168\.1\.12: it has DNS:node-0/)
    expect(await says(serverNames('node-0', 'node-0', []), { 'node-0 sh…tail': files({ 'node-0': ca.issue({ name: 'x' }).certificate }) })).toMatch(/^fail: it is not for a server/)
    expect(await says(knownAs({ 'node-0': { node: 'node-0', user: 'node-0' } }), there)).toBe('fail: node-0.crt of node-0 is for O=system:nodes, CN=system:node:node-0: to the API server its bearer is not node-0')
  })
})

describe('the API', () => {
  const ready = apiReady('10.96.0.0/12')
  test('does not answer, or not this one', async () => {
    expect(await says(ready, {
      'server curl': { exitCode: 7, stderr: 'curl: (7) Failed to connect to 127.0.0.1 port 6443 after 0 ms: Could not connect to server' },
      'server sh…kube-apiserver': 'E1121 11:33:05.834070      71 run.go:72] "command failed" err="invalid service-cluster-ip-range"\n',
    })).toBe('fail: the API server does not answer: Failed to connect to 127.0.0.1 port 6443 after 0 ms: Could not connect to server; its log ends with: "command failed" err="invalid service-cluster-ip-range"')
    expect(await says(ready, { 'server curl': got([401, { message: 'Unauthorized' }], [401, {}], [401, {}]) })).toBe('fail: the API server does not take the bearer of /etc/kubernetes/pki/admin.crt for anybody it knows')
    expect(await says(ready, { 'server curl': got([403, { message: 'nodes is forbidden' }], [200, {}], [200, {}]) })).toBe('fail: the API server refuses the bearer of /etc/kubernetes/pki/admin.crt: nodes is forbidden')
    expect(await says(ready, { 'server curl': 'half' })).toMatch(/^unknown: server: could not read/)
  })
  test('is busy, or nobody is there', async () => {
    const late = { 'server curl': { exitCode: 28, stderr: 'curl: (28) Operation timed out after 8001 milliseconds with 0 bytes received' } }
    const busy = 'unknown: server: no answer in time, though connections to 127.0.0.1:6443 are taken: it may only be slow'
    const taken = { ...late, 'server timeout…/dev/tcp': '' }
    for (const check of [ready, apiGuarded(), controllersWork(), nodesReady(workers), kubeletReached(workers)]) expect(await says(check, taken)).toBe(busy)
    expect(await says(ready, { ...late, 'server timeout…/dev/tcp': { exitCode: 124 } })).toBe('fail: the API server does not answer: Operation timed out after 8001 milliseconds with 0 bytes received')
    // What the bench has ended says nothing more than that.
    expect(await says(ready, { ...taken, 'server curl': { exitCode: undefined } })).toBe(busy)
    // Told by whom it asked, and believed at once.
    for (const [exitCode, stderr] of [[60, 'SSL certificate problem: self-signed certificate'], [52, 'Empty reply from server'], [35, 'Recv failure: Connection reset by peer']] as const) {
      expect(await says(ready, { ...taken, 'server curl': { exitCode, stderr: `curl: (${exitCode}) ${stderr}` } })).toBe(`fail: the API server does not answer: ${stderr}`)
    }
    expect(await says(ready, { ...taken, 'server curl': got([504, { message: 'the server was unable to return a response in the time allotted' }], [200, {}], [200, {}]) })).toMatch(/^fail: the API server is not ready/)
  })
  test('and etcd keeps a stranger waiting, which is no refusal', async () => {
    const late = { exitCode: 28, stderr: 'curl: (28) Operation timed out after 5001 milliseconds with 0 bytes received' }
    const known = 'server curl…kube-apiserver.crt'
    const plain = { 'server curl…http://127.0.0.1:2379': { exitCode: 22 } }
    expect(await says(etcdGuarded(), { [known]: 'ok', ...plain, 'server curl': { exitCode: 56 } })).toBe('pass')
    expect(await says(etcdGuarded(), { [known]: 'ok', ...plain, 'server curl': late })).toMatch(/^unknown: server: no answer in time, though connections to 127\.0\.0\.1:2379 are taken/)
  })
  test('has another range, or none yet', async () => {
    const range = (cidr: string, address: string): Answers => ({ 'server curl': got([200, 'ok'], [200, { spec: { cidrs: [cidr] } }], [200, { spec: { clusterIP: address } }]) })
    expect(await says(ready, range('10.32.0.0/24', '10.32.0.1'))).toBe('fail: Services have addresses of 10.32.0.0/24')
    expect(await says(ready, range('10.96.0.0/12', '10.96.0.7'))).toBe('fail: the Service kubernetes has 10.96.0.7')
    expect(await says(ready, { 'server curl': got([200, 'ok'], [404, {}], [404, {}]) })).toBe('fail: the API server has not made its own Service yet')
    expect(await says(ready, { 'server curl': got([500, '[-]etcd failed'], [404, {}], [404, {}]) })).toBe('fail: the API server is not ready: [-]etcd failed')
  })
  test('and the controllers were told other ranges', async () => {
    const api = { 'servicecidrs': got([200, { spec: { cidrs: ['10.96.0.0/12'] } }]) }
    const running = (...flags: readonly string[]): Answers => ({ ...api, 'server sh…cmdline': `${['kube-controller-manager', ...flags].join('\0')}\0\n` })
    expect(await says(sameRanges(), running('--service-cluster-ip-range=10.96.0.0/12'))).toBe('pass')
    expect(await says(sameRanges(), running('--service-cluster-ip-range=10.96.0.0/12', '--service-cluster-ip-range', '10.32.0.0/24'))).toBe('fail: the API server gives Services addresses of 10.96.0.0/12, and the controller manager leaves 10.32.0.0/24 to them')
    expect(await says(sameRanges(), running())).toMatch(/^fail: the controller manager has not been told any/)
    expect(await says(sameRanges(), api)).toBe('fail: no kube-controller-manager runs on server')
  })
  test('lets no controller work', async () => {
    expect(await says(controllersWork(), { serviceaccounts: got([404, {}]), 'server sh…kube-controller-manager': 'E1121 11:33:05.8 71 x.go:1] "Failed" err="Unauthorized"\n' })).toBe('fail: no controller has made the account of the namespace default: "Failed" err="Unauthorized"')
    expect(await says(controllersWork(), { serviceaccounts: got([200, {}]), '10259': { exitCode: 7, stderr: 'curl: (7) refused' } })).toBe('fail: kube-scheduler is not well: refused')
  })
})

describe('ranges of nodes', () => {
  const check = nodesHaveRanges(workers, { pods: '10.244.0.0/16', services: '10.96.0.0/12', wire: '192.168.1.0/24' })
  test.each([
    ['pass', ['10.244.0.0/24', '10.244.1.0/24']],
    ['fail: 10.244.0.0/24, that of node-1, overlaps 10.244.0.0/24, that of node-0', ['10.244.0.0/24', '10.244.0.0/24']],
    ["fail: 10.100.0.0/24, that of node-0, overlaps 10.96.0.0/12, the Services'", ['10.100.0.0/24', '10.244.1.0/24']],
    ["fail: 192.168.1.0/25, that of node-0, overlaps 192.168.1.0/24, the wire's", ['192.168.1.0/25', '10.244.1.0/24']],
    ['fail: the range of node-1, 10.200.1.0/24, is not in 10.244.0.0/16', ['10.244.0.0/24', '10.200.1.0/24']],
    ['fail: nobody has given node-0 a range: its Node has no `spec.podCIDR`', [undefined, '10.244.1.0/24']],
  ])('%s', async (expected, [first, second]) => {
    expect(await says(check, nodes(node('node-0', first), node('node-1', second)))).toBe(expected)
  })
  test('there is no such node', async () => expect(await says(check, nodes(node('node-0', '10.244.0.0/24')))).toBe('fail: the API has no Node node-1'))
})

describe('what kubelets report', () => {
  const noCni = 'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized'
  const both = (message: string, status = 'False'): Answers => nodes(node('node-0', undefined, { status: 'True', message: 'kubelet is posting ready status' }), node('node-1', undefined, { status, message }))
  test('nothing but the network is missing', async () => {
    expect(await says(lacksCniOnly(workers), both(noCni))).toBe('pass')
    expect(await says(lacksCniOnly(workers), both('', 'True'))).toBe('pass')
    expect(await says(nodesReady(workers), both('', 'True'))).toBe('pass')
  })
  test('something else is missing too', async () => {
    expect(await says(lacksCniOnly(workers), both(`[${noCni}, CSINode is not yet initialized]`))).toBe('fail: node-1 is not ready: CSINode is not yet initialized')
  })
  test('nobody reports', async () => {
    expect(await says(lacksCniOnly(workers), { ...both('', 'Unknown'), 'node-1 sh…kubelet': 'E1121 11:44:08.762031     100 run.go:72] "command failed" err="no such file"\n' })).toBe('fail: no kubelet reports for node-1; its log: "command failed" err="no such file"')
  })
  test('the runtime says why', async () => {
    expect(await says(nodesReady(workers), {
      ...both(noCni), 'node-1 sh…containerd': 'time="2026-11-21T11:44:07.6Z" level=error msg="failed to reload cni configuration" error="cni config load failed: invalid character \',\'"\n',
    })).toBe(`fail: node-1 is not ready: ${noCni}; containerd's log: failed to reload cni configuration: cni config load failed: invalid character ','`)
  })
  test('the API server is not let in', async () => {
    const forbidden = 'Forbidden (user=kube-apiserver, verb=get, resource=nodes, subresource(s)=[healthz proxy])'
    expect(await says(kubeletReached(workers), { 'server curl': got([200, 'ok'], [403, forbidden]) })).toBe(`fail: by the kubelet of node-1 it is told 403: ${forbidden}`)
    expect(await says(kubeletReached(workers), { 'server curl': got([200, 'ok'], [200, 'ok']) })).toBe('pass')
  })
  test('pods are told to ask somebody else', async () => {
    const told = (...servers: readonly string[]): readonly [number, unknown] => [200, { kubeletconfig: { clusterDNS: servers, clusterDomain: 'cluster.local' } }]
    expect(await says(kubeletsTell(workers, '10.96.0.10'), { 'server curl': got(told('10.96.0.10'), told('10.96.0.10')) })).toBe('pass')
    expect(await says(kubeletsTell(workers, '10.96.0.10'), { 'server curl': got(told('10.96.0.10'), told('10.96.0.53')) })).toBe('fail: the kubelet of node-1 tells pods to ask 10.96.0.53')
    expect(await says(kubeletsTell(workers, '10.96.0.10'), { 'server curl': got(told(), told()) })).toMatch(/^fail: the kubelet of node-0 has been told no server for names/)
  })
})

describe('verification', () => {
  const api = { 'server sh…cmdline': 'kube-apiserver\0--kubelet-certificate-authority=ca.crt\0\n' }
  const config = (...words: readonly string[]): string => ['== /etc/kubernetes/kube-proxy.conf', ...words, ''].join('\n')
  test.each([
    ['pass', config("server: 'https:", 'certificate-authority: /etc/kubernetes/pki/ca.crt')],
    [/^fail: \/etc\/kubernetes\/kube-proxy\.conf on node-1 says `insecure-skip-tls-verify`/, config("server: 'https:", 'insecure-skip-tls-verify: true')],
    [/^fail: .* on node-1 goes to the API without TLS/, config('server: http:', 'certificate-authority: x')],
    [/^fail: .* on node-1 names no `certificate-authority`/, config('server: https:')],
  ])('%s', async (expected, words) => expect(await says(nobodySkips(), { ...api, 'node-1 sh…grep': words })).toMatch(expected))
  test('the API server was told nothing, or not at last', async () => {
    expect(await says(nobodySkips(), { 'server sh…cmdline': 'kube-apiserver\0--kubelet-certificate-authority=ca.crt\0--kubelet-certificate-authority=\0\n' })).toMatch(/^fail: the API server has not been told who signs for kubelets/)
    expect(await says(nobodySkips(), {})).toBe('fail: no kube-apiserver runs on server')
  })
})

describe('pods', () => {
  const check = podsInRange('web', workers)
  const pod = (name: string, on: string | undefined, more: object = {}): object => ({ metadata: { name }, spec: { nodeName: on, ...more }, status: { phase: 'Pending', conditions: [{ type: 'PodScheduled', message: '0/2 nodes are available' }] } })
  const pods = (...items: readonly object[]): Answers => ({ '/pods': got([200, { items }]), ...nodes(node('node-0', '10.244.0.0/24'), node('node-1', '10.244.1.0/24')) })
  test('are nowhere, on the network of their node, or stuck', async () => {
    expect(await says(check, pods())).toBe('fail: no pod of web is on node-0')
    expect(await says(check, pods(pod('web-a', undefined)))).toBe('fail: no pod of web is on node-0: web-a has no node: 0/2 nodes are available')
    expect(await says(check, pods(pod('web-a', 'node-0', { hostNetwork: true }), pod('web-b', 'node-1')))).toBe('fail: web-a is on the network of node-0 itself, and has no address of its own (`hostNetwork`)')
    const message = `Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "${'0f'.repeat(32)}": plugin type="brigde" failed (add): failed to find plugin "brigde" in path [/opt/cni/bin]`
    expect(await says(check, { '/events': got([200, { items: [{ type: 'Warning', message }] }]), ...pods(pod('web-a', 'node-0'), pod('web-b', 'node-1')) }))
      .toBe('fail: web-a on node-0 does not run: failed to setup network for sandbox …: plugin type="brigde" failed (add): failed to find plugin "brigde" in path [/opt/cni/bin]')
  })
})
