// Makes a cluster that is not kept, says "up", and waits to be killed. JSON in its argument says which.
import type { Topology } from '../../runner/core/topology.ts'
import { kind } from '../../runner/providers/kind/index.ts'

const { home, cache, lab, topology } = JSON.parse(process.argv[2] ?? '') as { readonly home: string; readonly cache: string; readonly lab: string; readonly topology: Topology }
await kind({ home, cache }).up(lab, topology, { keep: false, signal: new AbortController().signal })
process.stdout.write('up\n')
setInterval(() => {}, 1000)
