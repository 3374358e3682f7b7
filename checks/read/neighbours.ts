// Reads `ip -j neigh`.
import { readJson, records, text, texts } from './json.ts'

export interface Neighbour {
  readonly address: string
  readonly device: string
  /** None while the question for it is open, or was in vain. */
  readonly mac: string | undefined
  readonly states: readonly string[]
}

export function readNeighbours(output: string): readonly Neighbour[] {
  return records(readJson(output)).flatMap(entry => {
    const address = text(entry['dst'])
    const device = text(entry['dev'])
    if (address === undefined || device === undefined) return []
    return [{ address, device, mac: text(entry['lladdr']), states: texts(entry['state']) }]
  })
}
