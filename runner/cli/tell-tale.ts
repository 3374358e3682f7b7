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
      const start = all.indexOf('\x1b', at)
      if (start === -1) return out + all.slice(at)
      out += all.slice(at, start)
      const next = all[start + 1]
      if (next === undefined) return this.#hold(all.slice(start), out)
      if (!STRINGS.includes(next)) {
        out += all.slice(start, start + 2)
        at = start + 2
        continue
      }
      const end = endOfString(all, start + 2)
      if (end === undefined) return this.#hold(all.slice(start), out)
      const body = all.slice(start + 2, end.from)
      if (next === ']' && body.startsWith(OURS)) this.#tell(body.slice(OURS.length))
      // Titles, links and colours are harmless. The clipboard, device strings and the rest are not for a node.
      else if (next === ']' && /^([0128]|1[0-2]|4|10[4-9]|11[0-2]);?/.test(body)) out += all.slice(start, end.to)
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
/** What begins a string that a terminal interprets: OSC, DCS, APC, PM, SOS. */
const STRINGS = ']P_^X'

function endOfString(text: string, from: number): { readonly from: number; readonly to: number } | undefined {
  for (let at = from; at < text.length; at++) {
    if (text[at] === '\x07') return { from: at, to: at + 1 }
    if (text[at] === '\x1b' && text[at + 1] === '\\') return { from: at, to: at + 2 }
    if (text[at] === '\x1b' && text[at + 1] === undefined) return undefined
  }
  return undefined
}
