// A real cluster by kind, on an engine of the test's own, with the plugin that lab 12 prints as its network: NotReady, Ready, routes, a
// Service, and nothing left.
import { existsSync, readFileSync } from 'node:fs'
import { spawn } from 'node:child_process'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { reachEachOther, routeVia, serviceAnswers, serviceShares } from '../../checks/index.ts'
import { KIND_NODE_IMAGE } from '../../fixtures/kubernetes/components.ts'
import { printedSolution } from '../../runner/core/agree.ts'
import type { Bench, Check } from '../../runner/core/bench.ts'
import { parseLesson } from '../../runner/core/lesson.ts'
import type { Node } from '../../runner/core/provider.ts'
import { parseTopology } from '../../runner/core/topology.ts'
import { doctor, printDoctor } from '../../runner/cli/commands/doctor.ts'
import { makeBench } from '../../runner/engine/bench.ts'
import { judge } from '../../runner/engine/judge.ts'
import { folders } from '../../runner/engine/state.ts'
import { kind } from '../../runner/providers/kind/index.ts'
import { course } from '../helpers/course.ts'
import { hostState } from '../helpers/host.ts'
import { labIn, root, type Lab } from '../helpers/lab.ts'
import { kindSource, makeNodeImage, noNodeImage } from '../helpers/node-image.ts'
import { descendants, eventually, here, runs } from '../helpers/nodes.ts'
import { noOwnEngine, startEngine, type OwnEngine } from '../helpers/own-engine.ts'

const { cache } = folders()
const because = noOwnEngine() ?? noNodeImage(cache)
if (because !== undefined && process.env['CI']) throw new Error(`a kind cluster must be had in CI: ${because}`)
if (because !== undefined) test.skip(`a kind cluster, because ${because}`, () => {})

const topology = parseTopology(readFileSync(join(root, 'fixtures/topologies/kind-cluster.yaml'), 'utf8'), 'kind-cluster.yaml')
const FILES = {
  'labs/01-own/lesson.md': '---\ntitle: A cluster of your own\nminutes: 5\ntopology: kind-cluster\n---\nWhat does it lack?\n\n## Look at it {#look}\n\n**Predict:** is it ready?\n',
  'labs/01-own/lab.ts': `import { defineLab, pass } from 'hardway/lab'
export default defineLab({ steps: { look: { alreadyTrue: 'it is there', checks: [{ claim: 'there is a cluster', look: async bench => pass(await bench.place('worker').exec(['true'])) }], hints: ['a', 'b', 'c'] } } })
`,
}
const READY_MS = 120_000
/** A test here waits for one thing after another, and may wait for each as long as that. */
const TEST_MS = 900_000

describe.skipIf(because !== undefined)('a kind cluster', { timeout: TEST_MS }, () => {
  let engine: OwnEngine
  let image = ''
  let before: object
  const docker = (script: string): string => here(`export DOCKER_HOST=$1; ${script}`, engine.host).stdout.trim()
  /** Containers, volumes, and networks that are not the engine's own. */
  const there = (): string => docker(`docker ps -aq; docker volume ls -q; docker network ls --format '{{.Name}}' | grep -vx -e bridge -e host -e none`)

  beforeAll(async () => {
    before = await machine()
    engine = await startEngine()
    image = await makeNodeImage(engine.host, cache, engine.folder)
    // Providers of this process find their engine as any other does.
    Object.assign(process.env, { DOCKER_HOST: engine.host, LAB_KIND_IMAGE: image })
  }, TEST_MS)

  afterAll(async () => {
    delete process.env['LAB_KIND_IMAGE']
    delete process.env['DOCKER_HOST']
    await engine[Symbol.asyncDispose]()
    expect(await machine()).toEqual(before)
    expect(here('grep -F "$1" /proc/self/mounts; ls -d /sys/fs/cgroup/hardway-"$2" /sys/fs/cgroup/*/hardway-"$2" 2>/dev/null; true', engine.folder, basename(engine.folder)).stdout).toBe('')
  })

  const labOnKind = (): Lab => labIn({ LAB_COURSE: course(FILES), DOCKER_HOST: engine.host, LAB_KIND_IMAGE: image })

  test('the plugin of lab 12 makes it Ready; routes and a Service are judged as on any other nodes; what a capture would have to say is unknown', async () => {
    const lab = labOnKind()
    const said = async (...args: readonly string[]): Promise<string> => {
      const { code, stdout, stderr } = await lab.run(...args)
      expect(code, stderr).toBe(0)
      return stdout
    }
    await said('start', '01', '--no-watch', '--provider', 'kind')
    expect(JSON.parse(await said('status', '--json'))).toMatchObject({ labs: [{ lab: '01-own', provider: 'kind', nodes: [{ name: 'control-plane', alive: true }, { name: 'worker', alive: true }] }] })
    await said('check')

    const nodes = await kind({ home: lab.home, cache }).nodes('01-own')
    const [control, worker] = [nodeOf(nodes, 'control-plane'), nodeOf(nodes, 'worker')]
    const kubectl = async (script: string, stdin = ''): Promise<string> => {
      const { exitCode, stdout, stderr } = await control.exec(['bash', '-c', `kubectl ${script}`], { stdin, timeoutMs: READY_MS })
      expect(exitCode, stderr).toBe(0)
      return stdout.trim()
    }
    // No reason but the one.
    const ready = (): Promise<string> => kubectl(`get nodes -o jsonpath='{range .items[*]}{.status.conditions[?(@.type=="Ready")].message}{"\\n"}{end}'`)
    await eventually(ready, message => message.split('\n').every(line => line.endsWith('cni plugin not initialized')) && message.includes('\n'), READY_MS)

    const cluster = await Promise.all([control, worker].map(async node => {
      const name = (await node.exec(['hostname'])).stdout.trim()
      // The kubelet says the address, a controller the range: each when it gets to it.
      const told = await eventually(() => kubectl(`get node ${name} -o jsonpath='{.spec.podCIDR} {.status.addresses[?(@.type=="InternalIP")].address}'`), text => /^\S+ \S+$/.test(text), READY_MS)
      const [range = '', address = ''] = told.split(' ')
      return { node, name, range, address }
    }))
    await Promise.all(cluster.map(async ({ node, range }) => {
      // Elsewhere an engine turns it on for the machine, and a new network has it from there; this engine cannot.
      await typed(node, 'sysctl -qw net.ipv4.ip_forward=1')
      await installPlugin(node, range)
    }))
    await kubectl(`wait --for=condition=Ready node --all --timeout=${READY_MS / 1000}s`)
    const [first, second] = cluster
    if (first === undefined || second === undefined) throw new Error('there are two')

    // Without it a pod is refused, and a controller makes it.
    await kubectl(`wait --for=create serviceaccount/default --timeout=${READY_MS / 1000}s`)
    await kubectl('apply -f -', [...pod('red', first.name), ...pod('blue', second.name), ...pod('green', second.name), SERVICE].join('---\n'))
    await kubectl(`wait --for=condition=Ready pod red blue green --timeout=${READY_MS / 1000}s`)
    const [red = '', blue = '', green = ''] = (await kubectl(`get pod red blue green -o jsonpath='{.items[*].status.podIP}'`)).split(' ')
    const verdict = async (check: Check): Promise<string> => {
      const { status, ...why } = await judge(check, benchOf(nodes), READY_MS)
      return 'because' in why ? `${status}: ${why.because}` : status
    }

    const way = routeVia('control-plane', blue, second.address)
    const pods = { red, blue, green }
    expect(await verdict(way)).toMatch(/^fail: /)
    expect(await verdict(reachEachOther(pods))).toMatch(/^fail: /)
    for (const [one, other] of [[first, second], [second, first]] as const) await typed(one.node, `ip route add ${other.range} via ${other.address}`)
    await eventually(() => verdict(way), answer => answer === 'pass', READY_MS)
    await eventually(() => verdict(reachEachOther(pods)), answer => answer === 'pass', READY_MS)
    expect(await verdict(reachEachOther(pods, { keepingAddress: true }))).toMatch(/^unknown: .*nothing can run on the fabric/)

    const web = { at: '10.96.0.42:29500', backends: { blue, green }, targetPort: 8080 }
    // kube-proxy takes a moment, and may hear of one pod before the other.
    await eventually(() => verdict(serviceAnswers({ red }, web)), answer => answer === 'pass', READY_MS)
    await eventually(() => verdict(serviceShares({ red }, web)), answer => answer === 'pass', READY_MS)
    expect(await verdict(serviceAnswers({ red }, { ...web, at: '10.96.0.43:29500' }))).toMatch(/^fail: /)
    // Its pods ask the API by the Service of that: on a network that is only half there it never gets so far.
    await kubectl(`-n kube-system rollout status deployment/coredns --timeout=${READY_MS / 1000}s`)

    // The machine's settings are its own, though root of a privileged container asks; and /proc can be mounted for users of a pod's own.
    expect((await worker.exec(['sh', '-c', 'echo 7 >/proc/sys/vm/swappiness'])).stderr).toContain('Read-only file system')
    expect(Number((await worker.exec(['cat', '/proc/sys/kernel/panic'])).stdout), 'kubelet has its way with a copy').toBe(10)
    await typed(worker, 'echo 77 >/proc/sys/kernel/panic; unshare -Urpf --mount-proc true')

    await said('stop')
    expect(there()).toBe('')
    expect(JSON.parse(await said('doctor', '--leaks', '--json'))).toMatchObject({ ok: true, running: [], leftovers: [] })
  })

  test('kube-proxy and other plugins are there if they are asked for; a cluster that is not kept ends with who made it, and what is left of both is found and swept', async () => {
    const lab = labOnKind()
    const task = JSON.stringify({ home: lab.home, cache, lab: 'spare', topology: { segments: [], nodes: [{ name: 'node1', interfaces: [], diskMiB: 64, components: ['cni-plugins'] }] } })
    const make = (): { readonly pid: number; readonly up: Promise<void> } => {
      const child = spawn(process.execPath, [join(root, 'test/helpers/in-kind.ts'), task], { stdio: ['ignore', 'pipe', 'inherit'] })
      return { pid: child.pid ?? 0, up: new Promise(resolve => child.stdout.once('data', () => resolve())) }
    }
    const half = make()
    await eventually(() => docker('docker ps -q --filter name=control-plane'), found => found !== '', READY_MS)
    process.kill(half.pid, 'SIGKILL')
    await eventually(there, found => found === '', READY_MS)

    const whole = make()
    await whole.up
    const [node] = await kind({ home: lab.home, cache }).nodes('spare')
    // It is not kept, so nobody but its maker sees it.
    expect(node).toBeUndefined()
    // kind's image has no bridge.
    expect(docker('docker exec "$(docker ps -q)" test -x /opt/cni/bin/bridge && echo it runs')).toBe('it runs')
    expect(docker('docker exec "$(docker ps -q)" kubectl --kubeconfig /etc/kubernetes/admin.conf get daemonsets -A -o name')).toBe('')
    const all = [whole.pid, ...descendants(whole.pid)]
    // The keeper first: it ends the cluster when it hears of its maker's end.
    for (const pid of all.toReversed()) process.kill(pid, 'SIGKILL')
    await eventually(() => all.filter(runs), left => left.length === 0)
    expect(there()).not.toBe('')
    const leaks = await lab.run('doctor', '--leaks', '--json')
    expect(leaks.code).toBe(1)
    expect(JSON.parse(leaks.stdout)).toMatchObject({ ok: false, leftovers: [{ provider: 'kind', what: expect.stringMatching(/^cluster hardway-/) as string }] })
    expect((await lab.run('stop', '--all')).code).toBe(0)
    expect(there()).toBe('')
  })

  test('lab doctor says that it works, and a lab that it cannot give is refused with the reason', async () => {
    const report = await doctor([kind({ home: '/nonexistent', cache })], new AbortController().signal)
    // That alone would not do: no lab starts there unasked.
    expect(report).toMatchObject({ ok: false, triedIn: undefined, providers: [{ name: 'kind', works: true, problems: [{ severity: 'limit' }] }] })
    expect(printDoctor(report, { colour: false })).toMatch(/^✓ kind gives clusters here\n {2}! kind's nodes are privileged containers/m)
    const refused = await labIn({ DOCKER_HOST: engine.host, LAB_KIND_IMAGE: image }).run('start', '05', '--no-watch', '--provider', 'kind')
    expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('05-static-routes cannot run on kind: node1 is to have the address 192.168.1.11/24') as string })
    expect(there()).toBe('')
  })

  test('the image that others pull is the one that this kind would take', async () => {
    expect(readFileSync(join(await kindSource(), 'pkg/apis/config/defaults/image.go'), 'utf8')).toContain(`"${KIND_NODE_IMAGE}"`)
  })
})

/** What an engine, kind or a node could change of it. Others' engines and labs may come and go meanwhile. */
async function machine(): Promise<object> {
  const { links, firewall, sysctls } = await hostState('/nonexistent')
  return { links, firewall: firewall.replaceAll(/packets \d+ bytes \d+/g, ''), sysctls, folders: ['/lib/modules', join(homedir(), '.kube')].map(path => existsSync(path)) }
}

function nodeOf(nodes: readonly Node[], name: string): Node {
  const found = nodes.find(node => node.name === name)
  if (found === undefined) throw new Error(`there is no ${name}`)
  return found
}

function benchOf(nodes: readonly Node[]): Bench {
  return makeBench(nodes, topology)
}

/** The files that the lesson prints, the last of each, for this node's range. */
async function installPlugin(node: Node, range: string): Promise<void> {
  const lesson = parseLesson(readFileSync(join(root, 'labs/12-write-a-cni/lesson.md'), 'utf8'), 'lesson.md')
  const blocks = lesson.steps.flatMap(step => printedSolution(step)).flatMap(block => block.kind === 'file' ? [block] : [])
  const files = new Map(blocks.map(({ path, content }) => [path, content]))
  const gateway = range.replace(/\.0\/\d+$/, '.1')
  // The configuration last: from then on the runtime calls it.
  const ordered = [...files].toSorted(([a], [b]) => Number(a.startsWith('/etc/')) - Number(b.startsWith('/etc/')))
  for (const [path, content] of ordered) {
    const text = content.replaceAll('10.244.1.0/26', range).replaceAll('"10.244.1.1"', `"${gateway}"`)
    await typed(node, `mkdir -p "$(dirname ${path})"; cat >${path}.new; ${path.includes('/bin/') ? 'chmod +x' : 'ls'} ${path}.new; mv ${path}.new ${path}`, text)
  }
}

async function typed(node: Node, script: string, stdin = ''): Promise<void> {
  const { exitCode, stderr } = await node.exec(['sh', '-ec', script], { stdin })
  expect(exitCode, stderr).toBe(0)
}

/** Of the one image that every node has: checks have their own clients and servers in a pod's network. */
function pod(name: string, node: string): readonly string[] {
  return [`apiVersion: v1
kind: Pod
metadata: { name: ${name}, labels: { app: ${name === 'red' ? 'client' : 'web'} } }
spec:
  nodeName: ${node}
  terminationGracePeriodSeconds: 0
  containers: [{ name: idle, image: "registry.k8s.io/pause:3.10", imagePullPolicy: Never }]
`]
}

const SERVICE = `apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.42, selector: { app: web }, ports: [{ port: 29500, targetPort: 8080 }] }
`
