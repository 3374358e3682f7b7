// Reads `tcpdump -A`: a line for each packet, and below it what it carries, as far as it can be printed.

/** What one TCP packet brought, and between whom. */
export interface Arrival {
  readonly from: string
  readonly fromPort: number
  readonly to: string
  readonly toPort: number
  readonly text: string
}

const START = /^\d\d:\d\d:\d\d\.\d{6} /
const HEADER = / IP (\d+\.\d+\.\d+\.\d+)\.(\d+) > (\d+\.\d+\.\d+\.\d+)\.(\d+): Flags /

export function readArrivals(output: string): readonly Arrival[] {
  const lines = output.split('\n')
  const starts = lines.flatMap((line, index) => START.test(line) ? [index] : [])
  return starts.flatMap((start, index) => {
    const [, from, fromPort, to, toPort] = HEADER.exec(lines[start] ?? '') ?? []
    if (from === undefined || to === undefined) return []
    const text = lines.slice(start + 1, starts[index + 1]).join('\n')
    return [{ from, fromPort: Number(fromPort), to, toPort: Number(toPort), text }]
  })
}
