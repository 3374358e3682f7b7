// Whoever is slow has not said no. A command that ran into its own deadline says nothing of whom it asked, as long as connections are
// taken there: the kernel does that for whoever listens, however busy the program is. Where none is taken nobody answers, which is
// itself an answer; so are a refusal, a wrong certificate and an error by HTTP.
import type { Place } from '../runner/core/bench.ts'
import { CouldNotLook, type Evidence, type NonEmpty } from '../runner/core/verdict.ts'
import { unable } from './tool.ts'

export type SocketAddress = readonly [address: string, port: number]

const CURL_TIMED_OUT = 28
const KNOCK_S = 3

/** Throws CouldNotLook if the command ran out of time, and connections from its place are taken at each of these, which it needs. */
export async function inTime(place: Place, evidence: Evidence, ...asked: NonEmpty<SocketAddress>): Promise<void> {
  if (!ranOut(evidence)) return
  const knocks = await Promise.all(asked.map(([address, port]) => place.exec(['timeout', String(KNOCK_S), 'bash', '-c', ': <>"/dev/tcp/$0/$1"', address, String(port)])))
  for (const one of knocks) {
    if (one.exitCode === undefined) throw unable(one)
    if (one.exitCode !== 0) return
  }
  const where = asked.map(([address, port]) => `${address}:${port}`).join(' and ')
  throw new CouldNotLook(`${place.name}: no answer in time, though connections to ${where} are taken: it may only be slow`, evidence, ...knocks)
}

/** By the deadline of the bench, of curl, or of kubectl. */
function ranOut({ exitCode, stderr }: Evidence): boolean {
  return exitCode === undefined || exitCode === CURL_TIMED_OUT || /^Unable to connect to the server: .*(?:timeout|deadline exceeded)/m.test(stderr)
}
