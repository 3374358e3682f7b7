// Knocks at a port with a random word, and looks whether the word comes in at a port of somebody: whatever listens there,
// and whatever it answers.
import { randomBytes } from 'node:crypto'
import type { Namespace } from '../runner/core/bench.ts'
import { CouldNotLook, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import { ask } from './exchange.ts'
import { readArrivals, type Arrival } from './read/arrivals.ts'
import type { Answer } from './read/probe.ts'
import { start } from '../runner/core/running.ts'

/** What comes in reaches a capture a moment after its answer reaches the client. */
const ARRIVAL_MS = 250

export interface Knock {
  readonly address: string
  readonly port: number
}

export interface Knocked extends Knock {
  readonly answer: Answer
  /** Where the word came in, if it did: as seen there. */
  readonly arrival: Arrival | undefined
}

/** All at once, at each of the addresses; what is looked at is what comes in at the one port of the other. */
export async function knock(from: Namespace, knocks: readonly Knock[], to: Namespace, port: number): Promise<{ readonly knocked: readonly Knocked[]; readonly evidence: NonEmpty<Evidence> }> {
  const words = knocks.map(one => ({ ...one, nonce: randomBytes(12).toString('hex') }))
  const filter = `tcp dst port ${port} and tcp[tcpflags] & tcp-push != 0`
  const argv = ['sh', '-c', `exec tcpdump -i any -Q in -l -nn -A --immediate-mode -Z root '${filter}' 2>&1`]
  const capture = await start(to.place, argv, output => output.includes('listening on'))
  try {
    const { asked, evidence } = await ask(from, words)
    const answers = words.map(word => {
      const found = asked.find(one => one.protocol === 'tcp' && one.address === word.address && one.port === word.port)
      if (found === undefined) throw new CouldNotLook(`${from.place.name}: the probe says nothing of ${word.address}:${word.port}`, evidence)
      return { word, answer: found.answer }
    })
    const arrived = (output: string, nonce: string): Arrival | undefined => readArrivals(output).find(({ text }) => text.includes(nonce))
    // A connection was made: what was sent on it is about to come, somewhere.
    const due = answers.filter(({ answer }) => answer.kind !== 'refused' && answer.kind !== 'unreachable')
    await capture.until(output => due.every(({ word }) => arrived(output, word.nonce) !== undefined), ARRIVAL_MS)
    const output = capture.output()
    return {
      knocked: answers.map(({ word, answer }) => ({ address: word.address, port: word.port, answer, arrival: arrived(output, word.nonce) })),
      evidence: [evidence, { place: to.place.name, argv, exitCode: undefined, ms: 0, stdout: output.slice(0, 4096), stderr: '' }],
    }
  } finally {
    // It takes its time to end, and leaves nothing: nobody waits for it.
    capture.stop().catch(() => {})
  }
}
