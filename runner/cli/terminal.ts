// A terminal in a place: a pty of this host between the learner's terminal and the node. The node never gets the
// learner's own terminal, into which root of a node could type.
import type { Node } from '../core/provider.ts'
import { TellTale, type Told } from './tell-tale.ts'

/** Runs argv on a pty until it ends; resolves to its exit code. `onCommand`: what the prompt's hook tells. */
export async function terminal(node: Node, argv: readonly string[], onCommand: (told: Told) => void): Promise<number> {
  const { spawn } = await import('@lydell/node-pty')
  const [file = '', ...args] = node.command(argv)
  const { stdin, stdout } = process
  const size = (): { cols: number; rows: number } => ({ cols: stdout.columns || 80, rows: stdout.rows || 24 })
  const pty = spawn(file, args, { ...size(), name: process.env['TERM'] ?? 'xterm-256color', env: { PATH: process.env['PATH'] ?? '', TERM: process.env['TERM'] ?? 'xterm-256color' } })
  const taleTeller = new TellTale(onCommand)
  const raw = stdin.isTTY
  if (raw) stdin.setRawMode(true)
  const onInput = (piece: Buffer): void => pty.write(piece.toString('utf8'))
  const onResize = (): void => {
    const { cols, rows } = size()
    pty.resize(cols, rows)
  }
  stdin.on('data', onInput)
  stdout.on('resize', onResize)
  pty.onData(text => stdout.write(taleTeller.pass(text)))
  try {
    return await new Promise<number>(resolve => pty.onExit(({ exitCode }) => resolve(exitCode)))
  } finally {
    if (raw) stdin.setRawMode(false)
    stdin.off('data', onInput)
    stdin.pause()
    stdout.off('resize', onResize)
  }
}
