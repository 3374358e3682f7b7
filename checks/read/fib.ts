// Reads `ip -j -d route get fibmatch` and `ip -j -d route show`: routes as they are in the table, with who put them there.
import { needed, readJson, record, records, text } from './json.ts'

export interface FibRoute {
  /** `10.244.2.0/26`, an address for a /32, or `default`. */
  readonly destination: string
  /** `unicast`, or what it says instead: `blackhole`, `unreachable`, `prohibit`, `throw`, `local`, `broadcast`… */
  readonly type: string
  /** A name of /etc/iproute2/rt_protos, or a number. */
  readonly protocol: string
  /** None: on the link itself. More than one: several next hops. */
  readonly gateways: readonly string[]
  readonly devices: readonly string[]
}

export function readFib(output: string): readonly FibRoute[] {
  return records(readJson(output)).map(route => {
    const hops = [route, ...records(route['nexthops'] ?? [])]
    return {
      destination: needed(text(route['dst']), 'destination'),
      type: text(route['type']) ?? 'unicast',
      protocol: text(route['protocol']) ?? 'unspec',
      gateways: hops.flatMap(hop => text(hop['gateway']) ?? text(record(hop['via'])['host']) ?? []),
      devices: hops.flatMap(hop => text(hop['dev']) ?? []),
    }
  })
}
