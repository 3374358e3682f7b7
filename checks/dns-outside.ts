import { randomBytes } from 'node:crypto'
import type { Bench, Check } from '../runner/core/bench.ts'
import { fail, pass, type Evidence, type Verdict } from '../runner/core/verdict.ts'
import { askDns, sayReply } from './dns-asking.ts'
import { endOf, ownerOf, type End, type NamedEnd } from './ends.ts'
import { start } from '../runner/core/running.ts'

/** A server asks for what it does not know as soon as it is asked; a capture is a moment behind. */
const ASKED_MS = 1_500

/**
 * `10.96.0.10 asks ext for names of the world, and never for those of the cluster`: by names that nobody has. What ext is asked
 * for after them shows that the others would have been seen.
 */
export function asksOutside(from: End, server: string, outside: End, { zone = 'cluster.local', world = 'example.com' } = {}): Check {
  const [client, other] = [endOf(from), endOf(outside)]
  return {
    claim: `${server} asks ${other.name} for names of the world, and for none of the cluster`,
    look: bench => look(bench, client, server, other, zone, world),
  }
}

async function look(bench: Bench, from: NamedEnd, server: string, outside: NamedEnd, zone: string, world: string): Promise<Verdict> {
  const owner = await ownerOf(bench, outside)
  if ('because' in owner) return fail(owner.because, ...owner.evidence)
  const { place } = owner.namespace
  const argv = ['sh', '-c', "exec tcpdump -i any -Q in -l -nn -s 400 --immediate-mode -Z root 'port 53' 2>&1"]
  const capture = await start(place, argv, output => output.includes('listening on'))
  try {
    const word = `hw${randomBytes(6).toString('hex')}`
    const [inside, marker] = [['', '.svc', '.default.svc', '.default'].map(part => `${word}${part}.${zone}`), `${word}.${world}`]
    const first = await askDns(bench, from, server, inside.map(name => ({ name, type: 'A' })))
    if ('because' in first) return fail(first.because, ...first.evidence)
    const then = await askDns(bench, from, server, [{ name: marker, type: 'A' }])
    if ('because' in then) return fail(then.because, ...then.evidence)
    const seen = await capture.until(output => output.includes(` ${marker}.`), ASKED_MS)
    const heard: Evidence = { place: place.name, argv, exitCode: undefined, ms: 0, stdout: linesWith(word, capture.output()), stderr: '[stopped]' }
    const leaked = inside.find(name => heard.stdout.includes(` ${name}.`))
    if (leaked !== undefined) return fail(`${server} asks ${outside.name} for ${leaked}, which nobody but the cluster can know`, heard, first.evidence)
    if (!seen) return fail(`${server} does not ask ${outside.name} for ${marker}: ${from.name} is left with ${sayReply(then.of({ name: marker, type: 'A' }), 'A')}`, heard, then.evidence)
    return pass(heard, first.evidence, then.evidence)
  } finally {
    // It takes its time to end, and leaves nothing: nobody waits for it.
    capture.stop().catch(() => {})
  }
}

/** Others ask at the same time. */
function linesWith(word: string, output: string): string {
  return output.split('\n').filter(line => line.includes(word)).map(line => `${line}\n`).join('')
}
