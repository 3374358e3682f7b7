// Reads `tcpdump -i any -nn`, one line a frame; what a tunnel carries follows it, on the same line or the next. With
// `-x` the bytes follow too, and VXLAN is found in them whatever its port: tcpdump goes by the port, and takes 8472,
// on which Linux sends it unless told otherwise, for another protocol.
import { parseAddress } from '../../runner/core/ipv4.ts'
import type { NonEmpty } from '../../runner/core/verdict.ts'
import { readPacket } from './packet.ts'

export interface Header {
  readonly from: string
  readonly fromPort: number | undefined
  readonly to: string
  readonly toPort: number | undefined
  /** What tcpdump says of the rest, printable and short. */
  readonly rest: string
  /** One of the pieces of a packet that was cut; only where the bytes were shown. */
  readonly fragment?: true
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
const BYTES = /^\t0x[0-9a-f]{4}: {2}([0-9a-f ]+)$/

export function readFrames(output: string): readonly Frame[] {
  const frames: Frame[] = []
  /** Of the last frame; undefined while those of something else are shown. */
  let bytes: string | undefined
  const end = (): void => {
    const last = frames.at(-1)
    if (last !== undefined && bytes) frames[frames.length - 1] = withBytes(last, Buffer.from(bytes, 'hex'))
    bytes = undefined
  }
  for (const line of output.split('\n')) {
    const shown = BYTES.exec(line)?.[1]
    if (shown !== undefined) {
      if (bytes !== undefined) bytes += shown.replaceAll(' ', '')
      continue
    }
    const [, link, text] = START.exec(line) ?? []
    if (link !== undefined && text !== undefined) {
      end()
      const [first, ...more] = headersOf(text)
      if (first === undefined) continue
      frames.push({ link, headers: [first, ...more] })
      bytes = ''
      continue
    }
    // No line of its own time: what the frame before it carries, if that is a tunnel. Anything else is detail.
    const last = frames.at(-1)
    if (last === undefined || !TUNNEL.test(last.headers.at(-1)?.rest ?? '')) continue
    frames[frames.length - 1] = { link: last.link, headers: [last.headers[0], ...last.headers.slice(1), ...headersOf(line)] }
  }
  end()
  return frames
}

/** What the bytes say of addresses, ports and pieces; tcpdump knows more of what it can name, and of other tunnels. */
function withBytes(frame: Frame, bytes: Uint8Array): Frame {
  const { headers: read, vni } = readPacket(bytes)
  const [outer, ...inner] = read.map((header, index): Header => {
    const said = frame.headers[index]
    const rest = vni !== undefined && index === 0 ? `VXLAN, vni ${vni}` : said?.from === header.from && said.to === header.to ? said.rest : ''
    const { from, fromPort, to, toPort } = header
    return { from, fromPort, to, toPort, rest, ...(header.fragment ? { fragment: true } : {}) }
  })
  if (outer === undefined) return frame
  return { link: frame.link, headers: [outer, ...(inner.length >= frame.headers.length - 1 ? inner : frame.headers.slice(1))] }
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
