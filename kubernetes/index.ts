// Objects of the Kubernetes API and what its specification says of them: "hardway/kubernetes".
import type { Objects } from './objects.ts'
import { readObjects } from './read.ts'

export type * from './objects.ts'
export { answer, recordsOf, resolverOf, tried, type DnsAnswer, type DnsRecord, type RecordType, type Resolver } from './dns.ts'
export { decide, isPod, type Connection, type Decision, type Outside } from './policy.ts'
export { readObjects } from './read.ts'
export { backendsOf, usable, type Backend } from './service.ts'
export { tableOf, type Table } from './table.ts'
export { byNodePort, nextOf, trafficOf, type Asked, type Candidate, type Client, type Traffic } from './traffic.ts'

/** Of one text, as `kubectl apply -f` takes it. */
export function objectsOf(yaml: string, file = 'objects.yaml'): Objects {
  const key = `${file}\n${yaml}`
  const objects = lately.get(key) ?? readObjects([{ file, text: yaml }])
  // The last one used is the last to go.
  lately.delete(key)
  lately.set(key, objects)
  const [oldest] = lately.keys()
  if (lately.size > LATELY && oldest !== undefined) lately.delete(oldest)
  return objects
}

/** A lab's looks read the same few texts again and again, and to read one takes longer than to judge by it. */
const [LATELY, lately] = [16, new Map<string, Objects>()]
