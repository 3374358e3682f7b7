// What several kinds of objects have: names, labels, ports.
import type { Field } from './field.ts'
import type { Labels, Protocol } from './objects.ts'

export const PROTOCOLS = ['TCP', 'UDP', 'SCTP'] as const satisfies readonly Protocol[]

export interface Metadata {
  readonly name: string
  readonly namespace: string
  readonly labels: Labels
}

export const LABEL = /^([a-z0-9]([-a-z0-9]*[a-z0-9])?)$/
export const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

export function readName(field: Field): string | undefined {
  const name = field.text()
  if (name !== undefined && (!LABEL.test(name) || name.length > 63)) field.invalid('must be a lowercase RFC 1123 label', 'up to 63 of a-z, 0-9 and `-`', 'postgres-0')
  return name
}

export const VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/

export function readLabels(field: Field): Labels {
  return Object.fromEntries(field.entries().flatMap(([key, value]) => {
    qualified(value, key)
    const text = value.text()
    if (text === undefined) {
      if (!value.present) value.invalid('must be a string', 'a text', '""')
      return []
    }
    if (!VALUE.test(text) || text.length > 63) value.invalid('a valid label has up to 63 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends', 'such a value', 'web')
    return [[key, text] as const]
  }))
}

/** `app.kubernetes.io/name`: a DNS name, if any, and a name of up to 63 characters. */
export function qualified(at: Field, key: string): void {
  const [name = '', prefix, ...more] = key.split('/').toReversed()
  const good = more.length === 0 && name.length > 0 && name.length <= 63 && VALUE.test(name) && (prefix === undefined || (SUBDOMAIN.test(prefix) && prefix.length <= 253))
  if (!good) at.invalid(`${JSON.stringify(key)} is no label key`, 'a name, or a DNS name, `/` and a name', 'app.kubernetes.io/name')
}

export function readPort(field: Field): number | undefined {
  const port = field.whole()
  if (port === undefined || isPort(port)) return port
  return field.invalid('must be between 1 and 65535, inclusive', 'a port', '8080')
}

export function isPort(port: number): boolean {
  return 1 <= port && port <= 65_535
}

export function readPortName(field: Field): string | undefined {
  const name = field.text()
  if (name !== undefined) portName(field, name)
  return name
}

/** IANA's service names: RFC 6335, section 5.1. */
export function portName(field: Field, name: string): void {
  const good = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name) && name.length <= 15 && /[a-z]/.test(name) && !name.includes('--')
  if (!good) field.invalid('must be up to 15 of a-z, 0-9 and single hyphens inside, with one letter at least', 'the name of a port', 'http')
}
