// Fresh nodes with one fault in them.
import { makeBench, placeIn } from '../../../runner/engine/bench.ts'
import { shells } from '../../../runner/engine/shell.ts'
import type { Node, Provider } from '../../../runner/core/provider.ts'
import type { Trace } from '../../../runner/core/trace.ts'
import type { Evidence } from '../../../runner/core/verdict.ts'
import { eventually, PATIENCE_MS } from '../../helpers/nodes.ts'
import type { Fault } from './faults.ts'
import { networks } from './networks.ts'

export interface Broken extends AsyncDisposable {
  readonly nodes: readonly Node[]
  /** What `lab trace` makes of the fault's probe. */
  trace(): Promise<Trace>
  /** What an ordinary tool says: whether an answer comes to what the fault's probe asks. One that is to come is waited for. */
  answered(expected: boolean): Promise<boolean>
}

const COMES_S = 10
const STAYS_AWAY_S = 1
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
    return placeIn(node, place).exec(argv, { timeoutMs: PATIENCE_MS })
  }
  try {
    await setUp(shells(nodes))
    // A port forwards when the kernel has noticed its cable, which may take a second: until then that is what is wrong.
    await Promise.all(nodes.map(({ name }) => eventually(() => run(name, ['bridge', 'link']), ({ exitCode, stdout }) => exitCode === 0 && !stdout.includes('state disabled'))))
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
    answered: async expected => (await run(fault.probe.from, ordinary(fault, expected ? COMES_S : STAYS_AWAY_S))).exitCode === 0,
    [Symbol.asyncDispose]: () => provider.down(lab),
  }
}

function ordinary({ probe: { to, protocol, port, size }, answer = 'hello' }: Fault, seconds: number): readonly string[] {
  if (protocol === 'icmp') return ['ping', '-nq', '-c', '1', '-W', String(seconds), ...size === undefined ? [] : ['-M', 'do', '-s', String(size - 28)], to]
  // What is sent is sent back, or what the fault says; nothing else counts.
  const asks = { tcp: `echo hello | timeout ${4 * seconds} socat -t${3 * seconds} - TCP4:${to}:${port}`, udp: `exec 3<>/dev/udp/${to}/${port}; echo hello >&3; timeout ${4 * seconds} head -n 1 <&3` }
  return ['bash', '-c', `[ "$(${asks[protocol]})" = '${answer}' ]`]
}
