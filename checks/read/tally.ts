// Reads what /usr/local/lib/hardway/tally prints: an interface, and the bytes out and in, a line each.

export interface Tally {
  readonly link: string
  readonly out: number
  readonly in: number
}

export function readTally(text: string): readonly Tally[] {
  return text.split('\n').filter(line => line !== '').map(line => {
    const [, link, out, into] = /^(\S{1,15}) (\d{1,15}) (\d{1,15})$/.exec(line) ?? []
    if (link === undefined || out === undefined || into === undefined) throw new Error(`expected an interface and its bytes, and got ${JSON.stringify(line.slice(0, 200))}`)
    return { link, out: Number(out), in: Number(into) }
  })
}
