// Reads `bridge -j -d link`.
import { needed, readJson, records, text, whole } from './json.ts'

/** A port of a bridge. */
export interface Port {
  readonly name: string
  readonly index: number
  readonly bridge: string
  /** `forwarding`, `disabled`, `blocking`, … */
  readonly state: string
  /** Talks to no other port that is isolated too. */
  readonly isolated: boolean
  /** A frame may leave by the port that it came in by. */
  readonly hairpin: boolean
}

export function readPorts(output: string): readonly Port[] {
  return records(readJson(output)).filter(port => typeof port['master'] === 'string').map(port => ({
    name: needed(text(port['ifname']), 'name of the port'),
    index: needed(whole(port['ifindex']), 'number of the port'),
    bridge: needed(text(port['master']), 'bridge'),
    state: needed(text(port['state']), 'state of the port'),
    isolated: port['isolated'] === true,
    hairpin: port['hairpin'] === true,
  }))
}
