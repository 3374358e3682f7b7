// Takes out of a terminal's stream what the prompt's hook tells, and sequences that no program in a node has a
// reason to send to the learner's terminal. Pure but for the callback.

/** What fixtures/rootfs/files/etc/hardway/bashrc tells after each command. Untrusted: any program can print it. */
export interface Told {
  readonly exitCode: number
  readonly text: string
}

/** Longer ones are no sequence but a flood. */
const LONGEST = 64 * 1024

export class TellTale {
  readonly #onCommand: (told: Told) => void
  #held = ''
  constructor(onCommand: (told: Told) => void) {
    this.#onCommand = onCommand
  }

  /** What of the text, and of what was held back before, may go to the terminal now. */
  pass(text: string): string {
    const all = this.#held + text
    this.#held = ''
    let out = ''
    let at = 0
    while (at < all.length) {
      const start = indexOfIntroducer(all, at)
      if (start === -1) return out + all.slice(at)
      out += all.slice(at, start)
      const kind = kindAt(all, start)
      if (kind === undefined) return this.#hold(all.slice(start), out)
      const from = start + kind.length
      if (kind.what === 'other') {
        out += all.slice(start, from)
        at = from
        continue
      }
      const end = kind.what === 'window' ? endOfControl(all, from) : endOfString(all, from)
      if (end === undefined) return this.#hold(all.slice(start), out)
      const body = all.slice(from, end.from)
      if (kind.what === 'osc' && body.startsWith(OURS)) this.#tell(body.slice(OURS.length))
      // Titles, links and colours are harmless. The clipboard, device strings and the rest are not for a node; nor
      // are the controls that end in t, which move windows and make the terminal type its title back.
      else if (kind.what === 'osc' ? HARMLESS.test(body) : kind.what === 'window' && all[end.to - 1] !== 't') out += all.slice(start, end.to)
      at = end.to
    }
    return out
  }

  #hold(rest: string, out: string): string {
    if (rest.length > LONGEST) return out
    this.#held = rest
    return out
  }

  #tell(body: string): void {
    const [exitCode = '', text = ''] = body.split(';')
    if (!/^\d{1,3}$/.test(exitCode)) return
    this.#onCommand({ exitCode: Number(exitCode), text: Buffer.from(text, 'base64').toString('utf8').slice(0, 2000) })
  }
}

const OURS = '7770;'
const HARMLESS = /^([0128]|4|1[0-2]|10[4-9]|11[0-2])(;|$)/

/** A sequence begins with ESC, or with one of the eight-bit forms that some terminals also take. */
function indexOfIntroducer(text: string, from: number): number {
  for (let at = from; at < text.length; at++) {
    const character = text[at] ?? ''
    if (character === '\x1b' || EIGHT_BIT[character] !== undefined) return at
  }
  return -1
}

type Kind = 'osc' | 'string' | 'window' | 'other'

const EIGHT_BIT: Readonly<Record<string, Kind>> = {
  '\x9d': 'osc', '\x90': 'string', '\x98': 'string', '\x9e': 'string', '\x9f': 'string', '\x9b': 'window',
}
/** After ESC: OSC, DCS, SOS, PM, APC, CSI. */
const SEVEN_BIT: Readonly<Record<string, Kind>> = { ']': 'osc', P: 'string', X: 'string', '^': 'string', _: 'string', '[': 'window' }

/** Undefined: more has to come before it can be told. */
function kindAt(text: string, at: number): { readonly what: Kind; readonly length: number } | undefined {
  const eight = EIGHT_BIT[text[at] ?? '']
  if (eight !== undefined) return { what: eight, length: 1 }
  const next = text[at + 1]
  return next === undefined ? undefined : { what: SEVEN_BIT[next] ?? 'other', length: 2 }
}

interface End {
  readonly from: number
  readonly to: number
}

/** A control sequence ends with a letter or one of a few signs. */
function endOfControl(text: string, from: number): End | undefined {
  for (let at = from; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code >= 0x40 && code <= 0x7e) return { from: at, to: at + 1 }
    // Not a sequence after all: what came of it is passed on as it is.
    if (code < 0x20 || code > 0x7e) return { from: at, to: at }
  }
  return undefined
}

function endOfString(text: string, from: number): End | undefined {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\x07' || text[at] === '\x9c') return { from: at, to: at + 1 }
    if (text[at] === '\x1b' && text[at + 1] === '\\') return { from: at, to: at + 2 }
    if (text[at] === '\x1b' && text[at + 1] === undefined) return undefined
  }
  return undefined
}
