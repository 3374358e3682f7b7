// up N | down | memory N, of plain nodes: one fresh process for each, as `lab` itself is.
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { Topology } from '../../runner/core/topology.ts'
import { folders } from '../../runner/engine/state.ts'
import { chosen } from '../helpers/chosen.ts'

const [what = '', provider = 'embedded', count = '3'] = process.argv.slice(2)
const it = await chosen(provider === 'docker' ? 'docker' : 'embedded', `${folders().home}/bench`)
const LAB = 'bench'

function topology(nodes: number): Topology {
  return {
    segments: [{ name: 'fab', mtu: 1500 }],
    nodes: Array.from({ length: nodes }, (_, index) => ({
      name: `node${index + 1}`, diskMiB: 64,
      interfaces: [{ name: 'eth0', segment: 'fab', address: `10.0.${Math.floor(index / 250)}.${index % 250 + 1}/16` }],
    })),
  }
}

function availableKiB(): number {
  return Number(/^MemAvailable: +(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1])
}

if (what === 'up') await it.up(LAB, topology(Number(count)), { keep: true, signal: new AbortController().signal })
else if (what === 'down') await it.down(LAB)
else if (what === 'exec') {
  const [node] = await it.nodes(LAB)
  const { exitCode } = await node?.exec(['true']) ?? { exitCode: 1 }
  process.exitCode = exitCode ?? 1
} else if (what === 'memory') {
  const before = availableKiB()
  await it.up(LAB, topology(Number(count)), { keep: false, signal: new AbortController().signal })
  // Memory that the start itself took is given back within moments.
  await pause(500)
  process.stdout.write(`${(before - availableKiB()) / Number(count)}\n`)
  await it.down(LAB)
}
process.exit()
