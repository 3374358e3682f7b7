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
