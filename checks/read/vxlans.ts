// Reads `ip -j -d link show type vxlan`.
import { needed, readJson, record, records, text, texts, whole } from './json.ts'

export interface Vxlan {
  readonly name: string
  readonly up: boolean
  readonly port: number
  /** None: an `external` one, which is told it by the route of each packet. */
  readonly vni: number | undefined
}

export function readVxlans(output: string): readonly Vxlan[] {
  // A link of another type is an empty object.
  return records(readJson(output)).filter(link => typeof link['ifname'] === 'string').map(link => {
    const info = record(record(link['linkinfo'])['info_data'])
    return {
      name: text(link['ifname']) ?? '',
      up: texts(link['flags']).includes('UP'),
      port: needed(whole(info['port']), 'port'),
      vni: info['external'] === true ? undefined : needed(whole(info['id']), 'VNI'),
    }
  })
}
