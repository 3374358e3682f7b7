// What others could read of an exchange: all that passes the fabric while somebody talks, byte for byte.
import { randomBytes } from 'node:crypto'
import type { Bench } from '../runner/core/bench.ts'
import { CouldNotLook, type Evidence } from '../runner/core/verdict.ts'
import type { NamedEnd, Owner } from './ends.ts'
import { ask } from './exchange.ts'
import { readable, readHexFrames, type HexFrame } from './read/hex-frames.ts'
import type { Answer } from './read/probe.ts'
import { start, type Running } from './running.ts'
import { unable } from './tool.ts'

/** Each frame once, as it enters the fabric. With 2000 bytes a frame the buffer holds a thousand of them. */
const CAPTURE = 'exec tcpdump -i any -Q in -l -nn -x -s 2000 -B 4096 --immediate-mode -Z root 2>&1'
/** A program that encrypts takes its time where many run; only what is never answered is waited for that long. */
const ANSWER_MS = 800
/** On a busy machine a capture may be far behind. */
const MARKER_MS = 3_000

/** A frame of a type that is for trying things, straight out of an interface: no route and no rule of the node has a say. */
const MARK = `my ($link, $word) = @ARGV;
open my $file, '<', "/sys/class/net/$link/ifindex" or die "$link: $!\\n";
my $index = readline $file;
socket my $raw, 17, 3, 0 or die "a packet socket: $!\\n";
send $raw, "\\xff" x 6 . "\\x02\\0\\0\\0\\0\\1\\x88\\xb5" . $word, 0, pack('SnlSCCa8', 17, 0x88b5, $index, 0, 0, 6, "\\xff" x 6) or die "$link: $!\\n"`

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
  const capture = await start(bench.place('fabric'), ['sh', '-c', CAPTURE], output => output.includes('listening on'))
  try {
    const said = await Promise.all((await talks()).map(async talk => {
      const nonce = randomBytes(12).toString('hex')
      const { asked, evidence } = await ask(talk.client.namespace, [{ address: talk.to.address, port: talk.port, nonce }], ANSWER_MS)
      return { talk, nonce, answers: asked.map(({ answer }) => answer), evidence }
    }))
    const frames = await everything(bench, capture)
    const sentBy = (all: readonly HexFrame[], node: string): readonly HexFrame[] => all.filter(({ link, says }) => link.startsWith(`${node}-`) && says.startsWith('IP '))
    return said.map(({ talk, nonce, answers, evidence }) => {
      const read = frames.map(frame => ({ frame, how: readable(frame.bytes, nonce) }))
      const leak = read.flatMap(({ frame, how }) => how === undefined ? [] : [{ frame, how }])[0]
      const dark = read.filter(({ how }) => how === undefined).map(({ frame }) => frame)
      return {
        ...talk, answers, leak,
        sent: { client: sentBy(dark, talk.client.namespace.node).length, server: sentBy(dark, talk.node).length },
        evidence: [evidence, shown(frames, leak?.frame)],
      }
    })
  } finally {
    // A capture takes its time to end and leaves nothing in a node: nobody waits for it.
    capture.stop().catch(() => {})
  }
}

/**
 * All frames until now: a word that anybody can read is sent after them, and waited for. It shows in the same look
 * that what can be read is seen, and a frame comes out of a capture after those that came before it.
 */
export async function everything(bench: Bench, capture: Running): Promise<readonly HexFrame[]> {
  const word = randomBytes(24).toString('hex')
  let sent: Evidence | undefined
  for (const { name, interfaces } of bench.topology.nodes) {
    const [link] = interfaces
    if (link === undefined) continue
    sent = await bench.place(name).exec(['perl', '-e', MARK, link.name, word])
    if (sent.exitCode === 0) break
  }
  if (sent === undefined) throw new CouldNotLook('the topology has no node on a wire')
  if (sent.exitCode !== 0) throw unable(sent)
  const seen = await capture.until(output => readHexFrames(output).some(({ bytes }) => bytes.includes(word)), MARKER_MS)
  if (!seen) throw new CouldNotLook(`a plain frame that ${sent.place} sent is not seen on the fabric`, sent)
  return readHexFrames(capture.output())
}

/** The capture as evidence: the frame that can be read with its bytes, or a line for each that cannot. */
function shown(frames: readonly HexFrame[], leak: HexFrame | undefined): Evidence {
  const lines = leak === undefined
    ? frames.slice(0, 60).map(({ link, says }) => `${link} ${says}`)
    : [`${leak.link} ${leak.says}`, leak.bytes.toString('latin1').replaceAll(/[^ -~]/g, '.')]
  return {
    place: 'fabric', argv: ['sh', '-c', CAPTURE], exitCode: undefined, ms: 0,
    stdout: lines.map(line => `${line}\n`).join(''), stderr: `[stopped after ${frames.length} frames]`,
  }
}
