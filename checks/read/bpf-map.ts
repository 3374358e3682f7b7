// Reads `bpftool -j map dump`: of each entry the bytes of its key and of its value.

export interface MapEntry {
  readonly key: readonly number[]
  readonly value: readonly number[]
}

export function readBpfMap(text: string): readonly MapEntry[] {
  const read: unknown = JSON.parse(text)
  if (!Array.isArray(read)) throw new Error('expected a list of entries')
  return read.map((entry: unknown) => {
    if (typeof entry !== 'object' || entry === null || !('key' in entry) || !('value' in entry)) throw new Error('expected entries with a key and a value')
    return { key: bytes(entry.key), value: bytes(entry.value) }
  })
}

/** Counters are written by the processor, lowest byte first. */
export function numberOf(bytes: readonly number[]): number {
  return bytes.reduceRight((sum, byte) => sum * 256 + byte, 0)
}

function bytes(list: unknown): readonly number[] {
  if (!Array.isArray(list)) throw new Error('expected bytes')
  return list.map((byte: unknown) => {
    if (typeof byte !== 'string' || !/^0x[0-9a-f]{2}$/.test(byte)) throw new Error('expected bytes such as "0x0a"')
    return Number(byte)
  })
}
