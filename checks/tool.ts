// Asks a tool in a place. What it must be able to answer and does not is nobody's mistake: CouldNotLook.
import type { Place } from '../runner/core/bench.ts'
import { CouldNotLook, type Evidence } from '../runner/core/verdict.ts'

export interface Told<T> {
  readonly value: T
  readonly evidence: Evidence
}

export async function tool<T>(place: Place, argv: readonly string[], read: (stdout: string) => T): Promise<Told<T>> {
  const evidence = await place.exec(argv)
  if (evidence.exitCode !== 0) throw unable(evidence)
  return { value: readFrom(evidence, read), evidence }
}

export function readFrom<T>(evidence: Evidence, read: (stdout: string) => T): T {
  try {
    return read(evidence.stdout)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new CouldNotLook(`${evidence.place}: could not read what \`${evidence.argv.join(' ')}\` said: ${why}`, evidence)
  }
}

export function unable(evidence: Evidence): CouldNotLook {
  const how = evidence.exitCode === undefined ? 'did not end' : `ended with ${evidence.exitCode}`
  const said = evidence.stderr.trim().split('\n')[0]?.slice(0, 200)
  return new CouldNotLook(`${evidence.place}: \`${evidence.argv.join(' ')}\` ${how}${said ? `: ${said}` : ''}`, evidence)
}
