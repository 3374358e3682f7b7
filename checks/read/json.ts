// What iproute2 and nft print as JSON is still the output of a node: nothing about its shape is taken for granted.

export type Json = Readonly<Record<string, unknown>>

/** The value of a JSON text. An empty text is an empty list: `ip -j` prints nothing where there is nothing. */
export function readJson(text: string): unknown {
  if (text.trim() === '') return []
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw new Error(`expected JSON, and got ${JSON.stringify(text.slice(0, 80))}`)
  }
}

export function records(value: unknown): readonly Json[] {
  if (!Array.isArray(value)) throw new Error('expected a JSON list')
  return value.map(record)
}

export function record(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value as Json : {}
}

export function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter(one => typeof one === 'string') : []
}

/** A whole number from 0, or nothing: never NaN, which is less than, more than and unequal to everything. */
export function whole(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** A part without which the rest means nothing. */
export function needed<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`expected a ${name}`)
  return value
}
