// Loaders of BPF programs, for the nodes that ask for one: what they may and what not is said in loader.pl.
import type { Topology } from '../../core/topology.ts'
import { exec, type AgentMachine } from './machine.ts'
import { cgroupsOf, find, nodesOf } from './nodes.ts'
import { KEYCTL, script } from './script.ts'

/** As long as a start: what is late is not refused. */
const LOADER_MS = 60_000

/** Where the machine's root may not hand that out, or its kernel cannot, the node has a file that says why: what needs a loader asks `lab doctor`'s feature `bpf`. */
export async function giveLoaders(machine: AgentMachine, topology: Topology, labels: Readonly<Record<string, string>>, users: string): Promise<void> {
  const asking = topology.nodes.filter(node => node.bpf === true).map(node => node.name)
  if (asking.length === 0) return
  const lab = (await find(machine, labels['HARDWAY_HOME'] ?? '')).find(found => found.lab === labels['HARDWAY_LAB'])
  if (lab === undefined) return
  await Promise.all(nodesOf(machine, lab, argv => argv).filter(({ name }) => asking.includes(name)).map(async node => {
    const words = [lab.pid, lab.pids.get(node.name) ?? 0, users, KEYCTL, lab.labels.get('HARDWAY_PROCESSES') ?? ''].map(String)
    const given = await exec(machine, ['perl', '-e', script('loader.pl'), ...words, ...cgroupsOf(lab).map(directory => `${directory}/${node.name}`)], 'machine', ['loader.pl'], { timeoutMs: LOADER_MS })
    if (given.exitCode === 0) return
    const why = given.stderr.split('\n')[0] ?? ''
    const status = why === 'fsconfig: Invalid argument' ? 'missing: the kernel hands out no BPF tokens, which it does since 6.9' : `refused: whoever starts nodes here may not hand out the right to load BPF (${why})`
    await node.exec(['sh', '-c', 'cat >/run/no-loader'], { stdin: `${status}\n` })
  }))
}
