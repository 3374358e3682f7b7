// Fresh nodes with one fault in them.
import { makeBench, placeIn } from '../../../runner/engine/bench.ts'
import { shells } from '../../../runner/engine/shell.ts'
import type { Node, Provider } from '../../../runner/core/provider.ts'
import type { Trace } from '../../../runner/core/trace.ts'
import type { Evidence } from '../../../runner/core/verdict.ts'
import type { Fault } from './faults.ts'
import { networks } from './networks.ts'

export interface Broken extends AsyncDisposable {
  readonly nodes: readonly Node[]
  /** What `lab trace` makes of the fault's probe. */
  trace(): Promise<Trace>
  /** What an ordinary tool says: whether an answer comes to what the fault's probe asks. */
  answered(): Promise<boolean>
}

let count = 0

/** Ends with this process, and at the end of the block that `await using` is in. */
export async function broken(provider: Provider, fault: Fault): Promise<Broken> {
  const lab = `fault-${process.pid}-${++count}`
  const { topology, setUp } = networks[fault.network]
  await provider.up(lab, topology, { keep: false, signal: new AbortController().signal })
  const nodes = await provider.nodes(lab)
  const run = (place: string, argv: readonly string[]): Promise<Evidence> => {
    const node = nodes.find(one => one.name === place.split('/')[0])
    if (node === undefined) throw new Error(`no node has ${place}`)
    return placeIn(node, place).exec(argv)
  }
  try {
    await setUp(shells(nodes))
    for (const [place, script] of Object.entries(fault.deeds)) {
      const { exitCode, stderr, stdout } = await run(place, ['bash', '-ec', script])
      if (exitCode !== 0) throw new Error(`the deed on ${place} ended with ${exitCode}: ${stderr}${stdout}`)
    }
  } catch (error) {
    await provider.down(lab)
    throw error
  }
  return {
    nodes,
    trace: () => {
      const { trace } = makeBench(nodes, topology)
      if (trace === undefined) throw new Error('this bench does not trace')
      return trace(fault.probe)
    },
    answered: async () => (await run(fault.probe.from, ordinary(fault))).exitCode === 0,
    [Symbol.asyncDispose]: () => provider.down(lab),
  }
}

function ordinary({ probe: { to, protocol, port, size }, answer = 'hello' }: Fault): readonly string[] {
  if (protocol === 'icmp') return ['ping', '-nq', '-c', '1', '-W', '1', ...size === undefined ? [] : ['-M', 'do', '-s', String(size - 28)], to]
  // What is sent is sent back, or what the fault says; nothing else counts.
  const asks = { tcp: `echo hello | timeout 4 socat -t3 - TCP4:${to}:${port}`, udp: `exec 3<>/dev/udp/${to}/${port}; echo hello >&3; timeout 4 head -n 1 <&3` }
  return ['bash', '-c', `[ "$(${asks[protocol]})" = '${answer}' ]`]
}
