// Reads `tcpdump -i any -nn`, one line a frame; what a tunnel carries follows it, on the same line or the next.
import { parseAddress } from '../../runner/core/ipv4.ts'
import type { NonEmpty } from '../../runner/core/verdict.ts'

export interface Header {
  readonly from: string
  readonly fromPort: number | undefined
  readonly to: string
  readonly toPort: number | undefined
  /** What tcpdump says of the rest, printable and short. */
  readonly rest: string
}

export interface Frame {
  /** Where it was seen. */
  readonly link: string
  /** The outermost first: more than one is a tunnel. */
  readonly headers: NonEmpty<Header>
}

const START = /^\d\d:\d\d:\d\d\.\d{6} (\S+) +(?:In|Out|P|B|M) +(.*)$/
const HEADER = /^(?:GREv\d[^:]{0,80}: )?IP (\d[\d.]*) > (\d[\d.]*): (.*)$/
/** Encapsulations whose payload tcpdump prints on a line of its own. */
const TUNNEL = /^(VXLAN|OTV|Geneve|LISP)\b/
const DEEPEST = 4

export function readFrames(output: string): readonly Frame[] {
  const frames: Frame[] = []
  for (const line of output.split('\n')) {
    const [, link, text] = START.exec(line) ?? []
    if (link !== undefined && text !== undefined) {
      const [first, ...more] = headersOf(text)
      if (first !== undefined) frames.push({ link, headers: [first, ...more] })
      continue
    }
    // No line of its own time: what the frame before it carries, if that is a tunnel. Anything else is detail.
    const last = frames.at(-1)
    if (last === undefined || !TUNNEL.test(last.headers.at(-1)?.rest ?? '')) continue
    frames[frames.length - 1] = { link: last.link, headers: [last.headers[0], ...last.headers.slice(1), ...headersOf(line)] }
  }
  return frames
}

function headersOf(text: string): readonly Header[] {
  const headers: Header[] = []
  for (let left = text; headers.length < DEEPEST;) {
    const [, from = '', to = '', rest = ''] = HEADER.exec(left) ?? []
    const source = endOf(from)
    const target = endOf(to)
    if (source === undefined || target === undefined) break
    headers.push({
      from: source.address, fromPort: source.port, to: target.address, toPort: target.port,
      rest: rest.slice(0, 120).replaceAll(/[^ -~]/g, '?'),
    })
    left = rest
  }
  return headers
}

/** `10.244.1.2.51778`, or without a port. */
function endOf(text: string): { readonly address: string; readonly port: number | undefined } | undefined {
  const parts = text.split('.')
  const address = parts.slice(0, 4).join('.')
  const port = parts[4]
  if (parts.length > 5 || parseAddress(address) === undefined) return undefined
  if (port === undefined) return { address, port: undefined }
  return /^\d{1,5}$/.test(port) && Number(port) <= 65_535 ? { address, port: Number(port) } : undefined
}
