// Reads `tcpdump -i any -nn -x`: a line that says what a frame is, and below it the frame in hexadecimal.

export interface HexFrame {
  /** Where it was seen. */
  readonly link: string
  /** What tcpdump says of it, printable and short. */
  readonly says: string
  /** From the network layer's first byte. */
  readonly bytes: Buffer
}

/** A frame's beginning, or a line of its bytes: `	0x0010:  0a f4 …`. Others are details of what is in it. */
const START = /^\d\d:\d\d:\d\d\.\d{6} (\S+) +(?:In|Out|P|B|M) +(.*)$/
const BYTES = /^\t0x[0-9a-f]{4,}: +([0-9a-f]{2,4}(?: [0-9a-f]{2,4})*) *$/

export function readHexFrames(output: string): readonly HexFrame[] {
  const frames: { link: string; says: string; hex: string[] }[] = []
  for (const line of output.split('\n')) {
    const [, link, says] = START.exec(line) ?? []
    if (link !== undefined && says !== undefined) frames.push({ link, says: says.slice(0, 120).replaceAll(/[^ -~]/g, '?'), hex: [] })
    const [, hex] = BYTES.exec(line) ?? []
    if (hex !== undefined) frames.at(-1)?.hex.push(hex.replaceAll(' ', ''))
  }
  return frames.map(({ link, says, hex }) => ({ link, says, bytes: Buffer.from(hex.join(''), 'hex') }))
}

/** How a text can be read in some bytes, if at all: as it is, or in a coating that anybody takes off. */
export function readable(bytes: Buffer, text: string): string | undefined {
  const plain = Buffer.from(text, 'latin1')
  if (bytes.includes(plain)) return 'as it is'
  if (bytes.includes(Buffer.from(plain.toReversed()))) return 'backwards'
  const hex = plain.toString('hex')
  if (bytes.includes(hex) || bytes.includes(hex.toUpperCase())) return 'in hexadecimal'
  if ([0, 1, 2].some(shift => bytes.includes(withinBase64(plain, shift)))) return 'in base64'
  return underOneByte(bytes, plain) ? 'with the same byte added to each' : undefined
}

/** Three bytes make four letters: what letters a text has depends on where it begins. Those of its edges are its neighbours' too. */
function withinBase64(plain: Buffer, shift: number): string {
  const letters = Buffer.concat([Buffer.alloc(shift), plain]).toString('base64').replaceAll('=', '')
  return letters.slice(shift === 0 ? 0 : shift + 1, -2)
}

/** Under XOR with one byte, what neighbouring bytes differ in stays; under addition, by how much they differ. */
function underOneByte(bytes: Buffer, plain: Buffer): boolean {
  for (const difference of [(one: number, other: number) => one ^ other, (one: number, other: number) => (one - other) & 255]) {
    const between = (all: Buffer): Buffer => Buffer.from([...all.subarray(1)].map((byte, index) => difference(byte, all[index] ?? 0)))
    if (between(bytes).includes(between(plain))) return true
  }
  return false
}

/** One of the pieces of an IPv4 packet that was cut: more follow, or some came before. */
export function isFragment(bytes: Buffer): boolean {
  return bytes.length >= 20 && (bytes[0] ?? 0) >> 4 === 4 && (bytes.readUInt16BE(6) & 0x3fff) !== 0
}
