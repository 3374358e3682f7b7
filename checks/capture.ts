// What passes the fabric, each frame once, as it enters it; and how it is known that all of it was seen.
import { randomBytes } from 'node:crypto'
import type { Bench } from '../runner/core/bench.ts'
import { CouldNotLook, type Evidence } from '../runner/core/verdict.ts'
import { readHexFrames } from './read/hex-frames.ts'
import { start, type Running } from '../runner/core/running.ts'
import { unable } from './tool.ts'

export interface Capture {
  readonly running: Running
  readonly argv: readonly string[]
  /**
   * All that tcpdump has to say of what passed until now. Rejects with CouldNotLook where that cannot be known: a capture
   * that is late has not seen an empty wire.
   */
  whole(): Promise<string>
}

export interface Capturing {
  /** As tcpdump has it. Default: all. */
  readonly filter?: string
  /** Of each frame. */
  readonly bytes: number
  /** It ends by itself after so many, and what comes later is not wanted. */
  readonly most?: number
}

/** A type that IEEE 802 leaves for trying things: no route and no rule of a node has a say. */
const TRIAL = '0x88b5'
/** On a busy machine a capture may be far behind. */
const MARKER_MS = 3_000

/** Straight out of an interface. */
const MARK = `my ($link, $word) = @ARGV;
open my $file, '<', "/sys/class/net/$link/ifindex" or die "$link: $!\\n";
my $index = readline $file;
socket my $raw, 17, 3, 0 or die "a packet socket: $!\\n";
send $raw, "\\xff" x 6 . "\\x02\\0\\0\\0\\0\\1\\x88\\xb5" . $word, 0, pack('SnlSCCa8', 17, ${TRIAL}, $index, 0, 0, 6, "\\xff" x 6) or die "$link: $!\\n"`

/** Resolves when it is looking. Whoever starts it stops it. */
export async function capture(bench: Bench, { filter, bytes, most }: Capturing): Promise<Capture> {
  const wanted = filter === undefined ? '' : ` '(${filter}) or ether proto ${TRIAL}'`
  const argv = ['sh', '-c', `exec tcpdump -i any -Q in -l -nn -x -s ${bytes}${most === undefined ? '' : ` -c ${most}`} -B 4096 --immediate-mode -Z root${wanted} 2>&1`]
  const running = await start(bench.place('fabric'), argv, output => output.includes('listening on'))
  return { running, argv, whole: () => wholeOf(bench, running) }
}

/**
 * A word that anybody can read is sent after all that was sent, and waited for. It shows in the same look that what can
 * be read is seen, and a frame comes out of a capture after those that came before it.
 */
async function wholeOf(bench: Bench, running: Running): Promise<string> {
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
  const seen = await running.until(output => isFull(output) || readHexFrames(output).some(({ bytes }) => bytes.includes(word)), MARKER_MS)
  if (!seen) throw new CouldNotLook(`a plain frame that ${sent.place} sent is not seen on the fabric`, sent)
  return running.output()
}

/** It has as many as were wanted, and has said so. */
function isFull(output: string): boolean {
  return /^\d+ packets? captured$/m.test(output)
}
