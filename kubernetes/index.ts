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
  return readObjects([{ file, text: yaml }])
}
