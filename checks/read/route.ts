// Reads `ip -j route get`.
import { needed, readJson, record, records, text } from './json.ts'

export interface Route {
  /** The next hop; none: the destination is on the link itself. */
  readonly gateway: string | undefined
  readonly device: string
  /** The address that the sender takes. */
  readonly source: string | undefined
  /** The destination is this machine's own. */
  readonly local: boolean
}

export function readRoute(output: string): Route {
  const [route, ...more] = records(readJson(output))
  if (route === undefined || more.length > 0) throw new Error('expected one route')
  return {
    gateway: text(route['gateway']) ?? text(record(route['via'])['host']),
    device: needed(text(route['dev']), 'device'),
    source: text(route['prefsrc']),
    local: route['type'] === 'local',
  }
}

/** Why the kernel has no route, in its own words; undefined when the text is no answer of the kernel. */
export function readRefusal(stderr: string): string | undefined {
  return /^RTNETLINK answers: ([ -~]{1,80})$/m.exec(stderr)?.[1]
}
