// Reads who answered on which wire: `answers rail0 02:00:00:00:00:0b 10.50.0.10 asked`, a line an answer.

export interface WireAnswer {
  readonly segment: string
  readonly mac: string
  /** The address that was asked for. */
  readonly address: string
  /** Asked by somebody who has an address, or whether the address is free, by nobody. */
  readonly how: 'asked' | 'probed'
}

export function readWireAnswers(text: string): readonly WireAnswer[] {
  return text.split('\n').filter(line => line !== '').map(line => {
    const [, segment, mac, address, how] = /^answers (\S+) ((?:[0-9a-f]{2}:){5}[0-9a-f]{2}) ((?:\d{1,3}\.){3}\d{1,3}) (asked|probed)$/.exec(line) ?? []
    if (segment === undefined || mac === undefined || address === undefined || how !== 'asked' && how !== 'probed') {
      throw new Error(`expected who answered on which wire, and got ${JSON.stringify(line.slice(0, 200))}`)
    }
    return { segment, mac, address, how }
  })
}
