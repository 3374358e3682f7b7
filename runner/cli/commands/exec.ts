import { text } from 'node:stream/consumers'
import { Journal } from '../../engine/journal.ts'
import { placeIn } from '../../engine/bench.ts'
import { home, session } from '../context.ts'
import { plain } from '../print.ts'
import { findNode, inNamespace } from './shell.ts'
import { terminal } from '../terminal.ts'

const DEADLINE_MS = 24 * 3600_000

/** Runs one command and passes its own exit status through; 125 if it did not end by itself. */
export async function exec(place: string, words: readonly string[], options: { readonly stdin?: true }): Promise<number> {
  const argv = words[0] === '--' ? words.slice(1) : words
  const { provider, loaded } = await session()
  const node = findNode(await provider.nodes(loaded.slug), place)
  const journal = new Journal(home, loaded.slug)
  const code = process.stdin.isTTY && process.stdout.isTTY
    ? await terminal(node, [...inNamespace(node, place), ...argv], () => {})
    : await plainly()
  journal.write({ kind: 'command', place, text: argv.join(' ').slice(0, 2000), exitCode: code })
  return code

  async function plainly(): Promise<number> {
    // A terminal is not to be commanded by a node; a pipe gets every byte as it is.
    const shown = (piece: string, stream: NodeJS.WriteStream): boolean => stream.write(stream.isTTY ? plain(piece) : piece)
    const evidence = await placeIn(node, place).exec(argv, {
      timeoutMs: DEADLINE_MS, onStdout: piece => void shown(piece, process.stdout),
      onStderr: piece => void shown(piece, process.stderr), stdin: options.stdin ? await text(process.stdin) : '',
    })
    return evidence.exitCode ?? 125
  }
}
