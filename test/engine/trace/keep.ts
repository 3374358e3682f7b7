// Keeps what was observed of faults, so that the rules can be tried on it without nodes:
//   sh runner/cli/launch --node test/engine/trace/keep.ts 'the name of a fault' …
import { mkdirSync, writeFileSync } from 'node:fs'
import { makeBench } from '../../../runner/engine/bench.ts'
import { trace } from '../../../runner/engine/trace/index.ts'
import type { Recording } from '../../../runner/engine/trace/recording.ts'
import { chosen } from '../../helpers/chosen.ts'
import { broken } from './broken.ts'
import { faults } from './faults.ts'
import { networks } from './networks.ts'
import { slim } from './slim.ts'

const provider = await chosen('embedded')
await provider.prepare({ say: () => {} })
mkdirSync(new URL('recordings', import.meta.url), { recursive: true })
for (const name of process.argv.slice(2)) {
  const fault = faults.find(one => one.name === name)
  if (fault === undefined) throw new Error(`there is no fault ${JSON.stringify(name)}`)
  await using network = await broken(provider, fault)
  let kept: Recording | undefined
  await trace(makeBench(network.nodes, networks[fault.network].topology), [fault.probe], recording => { kept = recording })
  if (kept === undefined) throw new Error('nothing was recorded')
  writeFileSync(new URL(`recordings/${name.replaceAll(/[^a-z0-9]+/gi, '-')}.json`, import.meta.url), `${JSON.stringify({ fault: name, recording: slim(kept) }, null, 1)}\n`)
  process.stdout.write(`kept: ${name}\n`)
}
process.exit()
