// A starter to be killed, or to be started in some way that matters. JSON in its argument says what to do:
// starts a lab, says "up", runs a script in node1 and says what came of it, ends the lab or waits to be killed.
import { embedded } from '../../runner/providers/embedded/index.ts'
import type { Topology } from '../../runner/core/topology.ts'

export interface InLab {
  readonly home: string
  readonly cache: string
  readonly lab: string
  readonly topology: Topology
  readonly keep: boolean
  readonly script?: string
}

const { home, cache, lab, topology, keep, script } = JSON.parse(process.argv[2] ?? '') as InLab
const provider = embedded({ home, cache })
await provider.up(lab, topology, { keep, signal: new AbortController().signal })
process.stdout.write('up\n')
if (script !== undefined) {
  const [node] = await provider.nodes(lab)
  process.stdout.write(`${JSON.stringify(await node?.exec(['bash', '-c', script]))}\n`)
  await provider.down(lab)
  process.exit()
}
setInterval(() => {}, 1000)
