// What others could read of an exchange: all that passes the fabric while somebody talks, byte for byte.
import { randomBytes } from 'node:crypto'
import type { Bench } from '../runner/core/bench.ts'
import type { Evidence } from '../runner/core/verdict.ts'
import { capture, type Capture } from './capture.ts'
import type { NamedEnd, Owner } from './ends.ts'
import { ask } from './exchange.ts'
import { readable, readHexFrames, type HexFrame } from './read/hex-frames.ts'
import type { Answer } from './read/probe.ts'

/** With so many bytes a frame the buffer holds a thousand of them. */
const BYTES = 2_000
/** A program that encrypts takes its time where many run; only what is never answered is waited for that long. */
const ANSWER_MS = 800

/** A client that asks a server on a port of its own; the server repeats the nonce in its answer. */
export interface Talk {
  readonly from: NamedEnd
  readonly client: Owner
  readonly to: NamedEnd
  /** The node that the server is on. */
  readonly node: string
  readonly port: number
}

export interface Overheard extends Talk {
  readonly answers: readonly Answer[]
  /** How the nonce could be read, and in which frame first. */
  readonly leak: { readonly how: string; readonly frame: HexFrame } | undefined
  /** Frames that each of the two nodes sent meanwhile, and in which nothing could be read. */
  readonly sent: { readonly client: number; readonly server: number }
  readonly evidence: readonly [Evidence, Evidence]
}

/** The servers are listening; all talk at once. */
export async function overhear(bench: Bench, talks: () => Promise<readonly Talk[]>): Promise<readonly Overheard[]> {
  const listening = await capture(bench, { bytes: BYTES })
  try {
    const said = await Promise.all((await talks()).map(async talk => {
      const nonce = randomBytes(12).toString('hex')
      const { asked, evidence } = await ask(talk.client.namespace, [{ address: talk.to.address, port: talk.port, nonce }], ANSWER_MS)
      return { talk, nonce, answers: asked.map(({ answer }) => answer), evidence }
    }))
    const frames = readHexFrames(await listening.whole())
    const sentBy = (all: readonly HexFrame[], node: string): readonly HexFrame[] => all.filter(({ link, says }) => link.startsWith(`${node}-`) && says.startsWith('IP '))
    return said.map(({ talk, nonce, answers, evidence }) => {
      const read = frames.map(frame => ({ frame, how: readable(frame.bytes, nonce) }))
      const leak = read.flatMap(({ frame, how }) => how === undefined ? [] : [{ frame, how }])[0]
      const dark = read.filter(({ how }) => how === undefined).map(({ frame }) => frame)
      return {
        ...talk, answers, leak,
        sent: { client: sentBy(dark, talk.client.namespace.node).length, server: sentBy(dark, talk.node).length },
        evidence: [evidence, shown(listening, frames, leak?.frame)],
      }
    })
  } finally {
    // A capture takes its time to end and leaves nothing in a node: nobody waits for it.
    listening.running.stop().catch(() => {})
  }
}

/** The capture as evidence: the frame that can be read with its bytes, or a line for each that cannot. */
function shown({ argv }: Capture, frames: readonly HexFrame[], leak: HexFrame | undefined): Evidence {
  const lines = leak === undefined
    ? frames.slice(0, 60).map(({ link, says }) => `${link} ${says}`)
    : [`${leak.link} ${leak.says}`, leak.bytes.toString('latin1').replaceAll(/[^ -~]/g, '.')]
  return {
    place: 'fabric', argv, exitCode: undefined, ms: 0,
    stdout: lines.map(line => `${line}\n`).join(''), stderr: `[stopped after ${frames.length} frames]`,
  }
}
