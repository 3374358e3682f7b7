// What the live page and its server say to each other.
import type { Event } from '../../runner/core/events.ts'

/** What does not change while the page is open. */
export interface Hello {
  readonly lab: string
  readonly title: string
  readonly provider: string
  readonly steps: readonly { readonly id: string; readonly title: string; readonly claims: readonly string[] }[]
  /** Nodes in the topology's order, and the class of the colour of each. */
  readonly nodes: readonly { readonly name: string; readonly colour: string }[]
}

/** One thing of the stream. */
export type News =
  | { readonly kind: 'hello'; readonly hello: Hello; readonly events: readonly Event[] }
  | { readonly kind: 'event'; readonly event: Event }
  /** The network as it is now, drawn; and the places that a shell can be opened in. */
  | { readonly kind: 'network'; readonly svg: string; readonly places: readonly string[] }
  | { readonly kind: 'said'; readonly said: Said }
  | { readonly kind: 'gone'; readonly because: string }

/** What a learner asks of the page. */
export type Act =
  | { readonly act: 'hint' }
  | { readonly act: 'answer'; readonly name: string; readonly value: string }
  | { readonly act: 'goto'; readonly step: string }
  | { readonly act: 'reset' }
  | { readonly act: 'break' }
  | { readonly act: 'trace'; readonly from: string; readonly to: string }

export interface Said {
  readonly ok: boolean
  /** One line or a few, to be shown as text. */
  readonly text: string
}

/** From a terminal's page to its pty; answers are the pty's bytes as text frames. */
export type Keystroke = { readonly data: string } | { readonly columns: number; readonly rows: number }

export function readAct(value: unknown): Act | undefined {
  if (typeof value !== 'object' || value === null || !('act' in value)) return undefined
  const text = (key: string, most = 200): string | undefined => {
    const found: unknown = (value as Readonly<Record<string, unknown>>)[key]
    return typeof found === 'string' && found.length <= most ? found : undefined
  }
  switch (value.act) {
    case 'hint': case 'reset': case 'break': return { act: value.act }
    case 'answer': {
      const [name, answer] = [text('name'), text('value', 1000)]
      return name === undefined || answer === undefined ? undefined : { act: 'answer', name, value: answer }
    }
    case 'goto': {
      const step = text('step')
      return step === undefined ? undefined : { act: 'goto', step }
    }
    case 'trace': {
      const [from, to] = [text('from'), text('to')]
      return from === undefined || to === undefined ? undefined : { act: 'trace', from, to }
    }
    default: return undefined
  }
}

export function readKeystroke(value: unknown): Keystroke | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if ('data' in value && typeof value.data === 'string') return { data: value.data }
  if (!('columns' in value) || !('rows' in value)) return undefined
  const size = (number: unknown): number | undefined => typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= 1000 ? number : undefined
  const [columns, rows] = [size(value.columns), size(value.rows)]
  return columns === undefined || rows === undefined ? undefined : { columns, rows }
}
