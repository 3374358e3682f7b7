// What it means that `ip route get` gets no route.
import type { Place } from '../runner/core/bench.ts'
import type { Evidence, NonEmpty } from '../runner/core/verdict.ts'
import { readRefusal } from './read/route.ts'
import { unable } from './tool.ts'

/** In words; and for a packet that came from elsewhere undefined when the kernel's reason is none of the table's. */
export async function refusedRoute(place: Place, name: string, destination: string, refused: Evidence): Promise<{ readonly because: string | undefined; readonly refusal: string; readonly evidence: NonEmpty<Evidence> }> {
  const refusal = readRefusal(refused.stderr)
  if (refusal === undefined) throw unable(refused)
  if (refusal === 'Network is unreachable') return { because: `${name} has no route to ${destination}`, refusal, evidence: [refused] }
  // A route that says no is told by the errors that ARP and forwarding give too: only the table tells which.
  const table = await place.exec(['ip', 'route', 'show', 'table', 'all', 'match', destination])
  const special = /^(?:blackhole|unreachable|prohibit|throw) [ -~]*$/m.exec(table.stdout)?.[0].trim()
  return { because: special === undefined ? undefined : `${name} has the route \`${special}\``, refusal, evidence: [refused, table] }
}
