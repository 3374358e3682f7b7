// How things are called in sentences.
import type { Device, Space } from './spaces.ts'

export function nameOf(space: Space): string {
  return space.name
}

/** `eth0 in red`. */
export function deviceIn(device: Device): string {
  return device.space.node === 'fabric' ? `${device.name} on the wire` : `${device.name} in ${device.space.name}`
}

export function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
