// Knocks at a port with a random word, and looks whether the word comes in at a port of somebody: whatever listens there,
// and whatever it answers.
import { randomBytes } from 'node:crypto'
import type { Namespace } from '../runner/core/bench.ts'
import { CouldNotLook, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import { ask } from './exchange.ts'
import { readArrivals, type Arrival } from './read/arrivals.ts'
import type { Answer } from './read/probe.ts'
import { start } from '../runner/core/running.ts'

/** What comes in reaches a capture a moment after its answer reaches the client; on a busy machine a long one. */
const ARRIVAL_MS = 1_500

export interface Knock {
  readonly address: string
  readonly port: number
}

export interface Knocked extends Knock {
  readonly answer: Answer
  /** Where the word came in, if it did: as seen there. */
  readonly arrival: Arrival | undefined
}

/**
 * All at once, at each of the addresses; what is looked at is what comes in at the one port of the other. Rejects with CouldNotLook where
 * some came in and it cannot be known of the others: a capture that is late has not seen that nothing came.
 */
export async function knock(from: Namespace, knocks: readonly Knock[], to: Namespace, port: number): Promise<{ readonly knocked: readonly Knocked[]; readonly evidence: NonEmpty<Evidence> }> {
  const worded = (one: Knock): Word => ({ ...one, nonce: randomBytes(12).toString('hex') })
  const words = knocks.map(worded)
  const filter = `tcp dst port ${port} and tcp[tcpflags] & tcp-push != 0`
  const argv = ['sh', '-c', `exec tcpdump -i any -Q in -l -nn -A --immediate-mode -Z root '${filter}' 2>&1`]
  const capture = await start(to.place, argv, output => output.includes('listening on'))
  try {
    const { answers, evidence } = await knocked(from, words)
    const arrived = ({ nonce }: Word): Arrival | undefined => readArrivals(capture.output()).find(({ text }) => text.includes(nonce))
    // A connection was made, or nobody said that none was: what was sent is about to come, somewhere.
    const due = answers.filter(({ answer }) => answer.kind !== 'refused' && answer.kind !== 'unreachable').map(({ word }) => word)
    await capture.until(() => due.some(word => arrived(word) !== undefined), due.length === 0 ? 0 : ARRIVAL_MS)
    const came = due.find(word => arrived(word) !== undefined)
    if (came !== undefined && due.some(word => arrived(word) === undefined)) {
      // What comes in there now comes after all that came before it, and out of the capture after it too.
      const last = worded(came)
      const { evidence: again } = await knocked(from, [last])
      const seen = await capture.until(() => arrived(last) !== undefined, ARRIVAL_MS)
      if (!seen) throw new CouldNotLook(`what ${from.place.name} sends to ${came.address}:${came.port} came in once, and not again`, evidence, again)
    }
    return {
      knocked: answers.map(({ word, answer }) => ({ address: word.address, port: word.port, answer, arrival: arrived(word) })),
      evidence: [evidence, { place: to.place.name, argv, exitCode: undefined, ms: 0, stdout: capture.output().slice(0, 4096), stderr: '' }],
    }
  } finally {
    // It takes its time to end, and leaves nothing: nobody waits for it.
    capture.stop().catch(() => {})
  }
}

type Word = Knock & { readonly nonce: string }

async function knocked(from: Namespace, words: readonly Word[]): Promise<{ readonly answers: readonly { readonly word: Word; readonly answer: Answer }[]; readonly evidence: Evidence }> {
  const { asked, evidence } = await ask(from, words)
  const answers = words.map(word => {
    const found = asked.find(one => one.protocol === 'tcp' && one.address === word.address && one.port === word.port)
    if (found === undefined) throw new CouldNotLook(`${from.place.name}: the probe says nothing of ${word.address}:${word.port}`, evidence)
    return { word, answer: found.answer }
  })
  return { answers, evidence }
}
