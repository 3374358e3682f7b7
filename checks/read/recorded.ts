// Reads what /usr/local/lib/hardway/record prints.
import { readFrame, type Layers } from './frame.ts'
import { readRuleTrace, type RuleTrace } from './rule-trace.ts'

export interface RecordedFrame extends Layers {
  readonly inode: number
  /** Microseconds of the kernel's clock. */
  readonly us: number
  /** The interface's number in its namespace. */
  readonly index: number
  readonly direction: 'in' | 'out'
  /** It was for another MAC than the interface's. */
  readonly otherHost: boolean
  /** Of the whole frame. */
  readonly bytes: number
}

export interface Sent {
  readonly id: string
  readonly address: string
  readonly port: number
  /** TCP's first number, where the sender could choose it. */
  readonly sequence?: number
}

export interface Refusal {
  readonly id: string
  readonly errno: number
  readonly text: string
}

export interface Change {
  readonly inode: number
  readonly name: string
  readonly before: number
  readonly after: number
}

export interface Recorded {
  readonly frames: readonly RecordedFrame[]
  readonly sent: readonly Sent[]
  readonly unsent: readonly Refusal[]
  readonly answered: readonly string[]
  readonly errors: readonly Refusal[]
  readonly changes: readonly Change[]
  readonly rules: readonly (RuleTrace & { readonly inode: number })[]
  /** Where nftables would not tell. */
  readonly unruled: readonly { readonly inode: number; readonly family: string }[]
}

export function readRecorded(text: string, vxlanPorts: ReadonlySet<number>): Recorded {
  const recorded = { frames: [] as RecordedFrame[], sent: [] as Sent[], unsent: [] as Refusal[], answered: [] as string[], errors: [] as Refusal[],
    changes: [] as Change[], rules: [] as (RuleTrace & { inode: number })[], unruled: [] as { inode: number; family: string }[] }
  // Whole lines only.
  for (const line of text.split('\n').slice(0, -1)) {
    const [verb = '', ...rest] = line.split(' ')
    const [first = '', second = '', third = '', ...more] = rest
    switch (verb) {
      case 'frame': {
        const [type = '', hardware = '', bytes = '', hex = ''] = more
        const [seconds = '', nanoseconds = ''] = second.split('.')
        recorded.frames.push({
          inode: number(first, line), us: number(seconds, line) * 1e6 + number(nanoseconds, line) / 1e3, index: number(third, line),
          direction: type === '4' ? 'out' : 'in', otherHost: type === '3', bytes: number(bytes, line),
          ...readFrame(hex, number(hardware, line), vxlanPorts),
        })
        break
      }
      case 'sent': recorded.sent.push({ id: first, address: second, port: number(third, line), ...(more[0] === undefined ? {} : { sequence: number(more[0], line) }) }); break
      case 'unsent': recorded.unsent.push({ id: first, errno: number(second, line), text: rest.slice(2).join(' ') }); break
      case 'told':
        if (second === 'answered') recorded.answered.push(first)
        else recorded.errors.push({ id: first, errno: number(second, line), text: rest.slice(2).join(' ') })
        break
      case 'count': recorded.changes.push({ inode: number(first, line), name: second, before: number(third, line), after: number(more[0] ?? '', line) }); break
      case 'rule': {
        const told = readRuleTrace(second)
        if (told !== undefined) recorded.rules.push({ inode: number(first, line), ...told })
        break
      }
      case 'unruled': recorded.unruled.push({ inode: number(first, line), family: second }); break
    }
  }
  return recorded
}

/** The port of one that answers, once it is open. Nothing: not yet; NaN: it could not be opened. */
export function readListening(text: string, id: string): number | undefined {
  const port = new RegExp(`^listening ${id} (\\d+|-)$`, 'm').exec(text)?.[1]
  return port === undefined ? undefined : port === '-' ? Number.NaN : Number(port)
}

function number(text: string, line: string): number {
  if (!/^\d{1,20}$/.test(text)) throw new Error(`expected a line of the recorder, and got ${JSON.stringify(line.slice(0, 80))}`)
  return Number(text)
}
