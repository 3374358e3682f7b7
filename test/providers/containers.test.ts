// Nodes of the role kubelet: a real containerd starts a real container by runc, in a node whose root is still nobody here.
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { containerRuntime, IMAGES } from '../../fixtures/kubernetes/cluster.ts'
import { fetched } from '../../runner/components/cache.ts'
import type { ComponentName } from '../../runner/core/components.ts'
import type { Provider } from '../../runner/core/provider.ts'
import type { Topology } from '../../runner/core/topology.ts'
import { shells } from '../../runner/engine/shell.ts'
import { folders } from '../../runner/engine/state.ts'
import { embedded } from '../../runner/providers/embedded/index.ts'
import { up } from '../../runner/providers/namespaces/up.ts'
import { chosen } from '../helpers/chosen.ts'
import type { InLab } from '../helpers/in-lab.ts'
import { descendants, eventually, here, nodesOn, runs, startLab, type StartedLab } from '../helpers/nodes.ts'
import { providersHere } from '../helpers/providers.ts'

const components: readonly ComponentName[] = ['containerd', 'crictl', 'cni-plugins']
const missing = components.filter(name => !fetched(folders().cache).includes(name))
const IN_LAB = fileURLToPath(new URL('../helpers/in-lab.ts', import.meta.url))

/** node1 runs containers, node2 is a node as all others are. */
const topology: Topology = { ...nodesOn(2), nodes: nodesOn(2).nodes.map((node, index) => index === 0 ? { ...node, diskMiB: 128, role: 'kubelet', components } : node) }

const BRIDGE = JSON.stringify({
  cniVersion: '1.0.0', name: 'pods',
  plugins: [{ type: 'bridge', bridge: 'cni0', isGateway: true, ipam: { type: 'host-local', ranges: [[{ subnet: '10.244.1.0/24' }]] } }],
})
const POD = `pod='{"metadata":{"name":"web","namespace":"default","uid":"1"},"linux":{}}'
echo "$pod" >/tmp/pod.json
echo '{"metadata":{"name":"web"},"image":{"image":"${IMAGES.tools}"},"command":["httpd","-f","-p","8080","-h","/etc"],"linux":{"resources":{"memory_limit_in_bytes":33554432}}}' >/tmp/container.json
mkdir -p /etc/cni/net.d
echo '${BRIDGE}' >/etc/cni/net.d/10-bridge.conflist
crictl run --no-pull /tmp/container.json /tmp/pod.json`

async function withPod(lab: StartedLab): Promise<void> {
  const { node1 } = shells([lab.node('node1')])
  if (node1 === undefined) throw new Error('no node1')
  await containerRuntime([node1])
  const { exitCode, stderr } = await lab.sh(POD, { timeoutMs: 120_000 })
  if (exitCode !== 0) throw new Error(stderr)
}

for (const { name, because } of await providersHere()) {
  const skipped = because ?? (missing.length > 0 ? `${missing.join(', ')} not fetched: npx lab fetch` : undefined)

  describe.skipIf(skipped !== undefined)(`nodes that run containers, on ${name}${skipped === undefined ? '' : ` (skipped: ${skipped})`}`, () => {
    let provider: Provider
    let lab: StartedLab
    beforeAll(async () => {
      provider = await chosen(name)
      await provider.prepare({ say: () => {} })
      lab = await startLab(provider, topology)
      await withPod(lab)
    })
    afterAll(async () => {
      await lab[Symbol.asyncDispose]()
    })

    test('have one that serves, with its limits, in cgroups of the node\'s own', async () => {
      // A container that runs does not listen yet.
      await eventually(() => lab.sh('curl -sS -m 5 http://$(crictl inspectp -q $(crictl pods -q) | jq -r .status.network.ip):8080/passwd'), ({ stdout }) => stdout === 'root:x:0:0:root:/root:/bin/sh\n')
      expect((await lab.sh('crictl exec $(crictl ps -q) wget -qO- http://localhost:8080/passwd')).stdout).toMatch(/^root:/)
      expect((await lab.sh('cat /sys/fs/cgroup/{memory/,}k8s.io/$(crictl ps -q --no-trunc)/memory.{limit_in_bytes,max} 2>/dev/null')).stdout).toBe('33554432\n')
      // The images have one name each, and no registry was asked.
      expect((await lab.sh('ctr -n k8s.io images ls -q | grep -v ^sha256')).stdout).toBe(`${IMAGES.pause}\n${IMAGES.tools}\n`)
    })

    test('are entered where the containers are: in the same part of each hierarchy', async () => {
      expect((await lab.sh('grep -Ev ":/(init)?$" /proc/self/cgroup')).stdout).toBe('')
      // And a first process is there as well.
      expect((await lab.sh('diff /proc/1/cgroup /proc/self/cgroup')).stdout).toBe('')
      expect((await lab.sh('grep -c cgroup /proc/self/mounts', { on: 'node2' })).stdout).toBe('0\n')
    })

    test('divide what they have, and cannot have more', async () => {
      const v1 = (await lab.sh('test -d /sys/fs/cgroup/memory')).exitCode === 0
      const [memory, pids] = v1 ? ['memory/', 'pids/'] : ['', '']
      expect(await lab.sh(`mkdir /sys/fs/cgroup/${pids}own && echo $$ >/sys/fs/cgroup/${pids}own/cgroup.procs && echo 7 >/sys/fs/cgroup/${pids}own/pids.max && cat /sys/fs/cgroup/${pids}own/pids.max`)).toMatchObject({ exitCode: 0, stdout: '7\n' })
      for (const file of [`${memory}memory.limit_in_bytes`, `${memory}memory.max`, `${pids}pids.max`, 'cpuset/cpuset.cpus', 'devices/devices.allow', 'cgroup.max.depth']) {
        const { exitCode, stderr } = await lab.sh(`[ ! -e /sys/fs/cgroup/${file} ] || { echo "denied if this is" >&2; echo 1000000000 >/sys/fs/cgroup/${file}; }`)
        if (stderr !== '') expect(stderr, file).toMatch(/Permission denied|Operation not permitted/)
        expect(exitCode === 0, file).toBe(stderr === '')
      }
      // Above it is nothing that could be seen.
      expect((await lab.sh('ls /sys/fs/cgroup/*/hardway /sys/fs/cgroup/hardway /sys/fs/cgroup/*/docker 2>/dev/null')).stdout).toBe('')
      // A program that the kernel would start as root of the host.
      expect((await lab.sh('ls /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/release_agent 2>/dev/null')).stdout).toBe('')
    })

    test('are root of no more than a node: nor is a container', async () => {
      const [outside] = (await lab.sh('pid=$(crictl inspect $(crictl ps -q) | jq .info.pid); awk \'{ print $2 }\' /proc/$pid/uid_map')).stdout.split('\n')
      expect(outside).toBe('1')
      expect((await lab.sh('mknod /tmp/disk b 8 0')).exitCode).not.toBe(0)
    })
  })
}

const withoutEmbedded = (await providersHere()).find(({ name }) => name === 'embedded')?.because ?? (missing.length > 0 ? 'components are missing' : undefined)

describe.skipIf(withoutEmbedded !== undefined)(`nodes that ran containers leave nothing${withoutEmbedded === undefined ? '' : ` (skipped: ${withoutEmbedded})`}`, () => {
  let folder: string
  beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'hardway-containers-')) })
  afterAll(() => { rmSync(folder, { recursive: true, force: true }) })

  const cgroups = (of: string): string => here('find /sys/fs/cgroup -maxdepth 5 -type d -path "*hardway*$1*"', of).stdout
  /** Deeper than a path can be long, by whoever wants to be in the way. */
  const DEEP = 'for at in /sys/fs/cgroup/pids /sys/fs/cgroup; do cd $at 2>/dev/null && mkdir deep && break; done; cd deep; for i in $(seq 150); do mkdir aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa && cd aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa || break; done'

  /** What is frozen in version 1 ends by no signal: there is nothing there to do it with. In version 2 it does end. */
  const FROZEN = 'mkdir /sys/fs/cgroup/freezer/cold /sys/fs/cgroup/cold; setsid sleep 1000 </dev/null >/dev/null 2>&1 & for at in /sys/fs/cgroup/freezer/cold /sys/fs/cgroup/cold; do echo $! >$at/cgroup.procs; echo FROZEN >$at/freezer.state; echo 1 >$at/cgroup.freeze; done'

  test('when they are taken down: neither processes nor mounts nor cgroups', async () => {
    const provider = embedded({ home: join(folder, 'home'), cache: folders().cache })
    await using lab = await startLab(provider, topology)
    await withPod(lab)
    await lab.sh(DEEP)
    await lab.sh(FROZEN)
    expect(cgroups(lab.lab)).toContain('/node1/k8s.io\n')
    const starter = descendants(process.pid).filter(pid => here('cat /proc/$1/comm', String(pid)).stdout === 'containerd-shim\n')
    expect(starter).toHaveLength(1)
    await provider.down(lab.lab)
    expect(cgroups(lab.lab)).toBe('')
    await eventually(() => starter.filter(runs), left => left.length === 0)
    expect(await provider.leftovers({ remove: false })).toEqual([])
  })

  test('when their starter is killed, and leftovers are removed', async () => {
    const home = join(folder, 'killed')
    const provider = embedded({ home, cache: folders().cache })
    const inLab: InLab = { home, cache: folders().cache, lab: `killed-${process.pid}`, topology, keep: false }
    const starter = spawn(process.execPath, [IN_LAB, JSON.stringify(inLab)], { stdio: ['ignore', 'pipe', 'inherit'] })
    // Also where the test fails before it does so itself: it would wait for ever, and its lab with it.
    onTestFinished(() => { starter.kill('SIGKILL') })
    await new Promise(resolve => { starter.stdout.once('data', resolve) })
    const nodes = await provider.nodes(inLab.lab)
    const node = nodes.find(one => one.name === 'node1')
    if (node === undefined) throw new Error('no node1')
    await withPod({ lab: inLab.lab, node: () => node, sh: (script, options) => node.exec(['bash', '-c', script], options), [Symbol.asyncDispose]: async () => {} })
    const all = descendants(starter.pid ?? 0)
    starter.kill('SIGKILL')
    await eventually(() => all.filter(runs), left => left.length === 0)
    expect((await provider.leftovers({ remove: true })).length).toBeGreaterThan(0)
    expect(cgroups(inLab.lab)).toBe('')
    expect(await provider.leftovers({ remove: false })).toEqual([])
  })
})

test('A node that is to run containers is refused in words where no cgroup can be divided', async () => {
  const machine = { byAgent: true as const, spawn: () => { throw new Error('nothing is started') } }
  await expect(up(machine, { topology, lower: '', given: undefined, files: '', labels: {}, cgroups: [], processes: 1, before: [], map: async () => {} }, { keep: false, signal: new AbortController().signal }))
    .rejects.toThrow('node1 is to run containers, and that takes cgroups of its own')
})
