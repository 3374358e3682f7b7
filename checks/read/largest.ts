// Reads `ip -j route get fibmatch`: the route as it was written, without what was learned of the way since.
import { needed, readJson, record, records, text, whole } from './json.ts'

export interface Largest {
  readonly device: string
  /** Bytes, where the route itself says so. */
  readonly mtu: number | undefined
}

export function readLargest(output: string): Largest {
  const [route, ...more] = records(readJson(output))
  if (route === undefined || more.length > 0) throw new Error('expected one route')
  const metrics = route['metrics'] === undefined ? [] : records(route['metrics'])
  return { device: needed(text(route['dev']), 'device'), mtu: metrics.map(metric => whole(record(metric)['mtu'])).find(mtu => mtu !== undefined) }
}
