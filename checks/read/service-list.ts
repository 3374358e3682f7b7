// Reads `kubectl get services -o json`, or what a learner's program makes of it: names, types, and addresses from outside.
import { needed, readJson, record, records, text } from './json.ts'

export interface ListedService {
  readonly name: string
  readonly type: string
  /** `status.loadBalancer.ingress[].ip`; none as long as it is pending. */
  readonly addresses: readonly string[]
}

export function readServices(output: string): readonly ListedService[] {
  return records(record(readJson(output))['items']).map(item => ({
    name: needed(text(record(item['metadata'])['name']), 'metadata.name'),
    type: text(record(item['spec'])['type']) ?? 'ClusterIP',
    addresses: records(record(record(item['status'])['loadBalancer'])['ingress'] ?? []).flatMap(one => text(one['ip']) ?? []),
  }))
}
