// A terminal in a place: a pty of this host between the learner's terminal and the node. The node never gets the
// learner's own terminal, into which root of a node could type.
import type { Node } from '../core/provider.ts'
import { TellTale, type Told } from './tell-tale.ts'

export interface Size {
  readonly cols: number
  readonly rows: number
}

export interface Pty {
  /** What of the node's output may go to a terminal. */
  onData(take: (text: string) => void): void
  write(text: string): void
  resize(size: Size): void
  /** Ends what runs on it, as a terminal does that is closed. */
  close(): void
  /** Resolves to the exit code. */
  readonly ended: Promise<number>
}

/** Argv on a pty of its own. `onCommand`: what the prompt's hook tells. */
export async function openPty(node: Node, argv: readonly string[], size: Size, onCommand: (told: Told) => void): Promise<Pty> {
  const { spawn } = await import('@lydell/node-pty')
  const [file = '', ...args] = node.command(argv)
  const name = process.env['TERM'] ?? 'xterm-256color'
  const pty = spawn(file, args, { ...size, name, env: { PATH: process.env['PATH'] ?? '', TERM: name } })
  const taleTeller = new TellTale(onCommand)
  let over = false
  const ended = new Promise<number>(resolve => pty.onExit(({ exitCode }) => {
    over = true
    resolve(exitCode)
  }))
  return {
    onData: take => void pty.onData(text => take(taleTeller.pass(text))),
    // A pty that has ended takes nothing any more, and node-pty would throw.
    write: text => { if (!over) pty.write(text) },
    resize: ({ cols, rows }) => { if (!over) pty.resize(cols, rows) },
    close: () => { if (!over) pty.kill('SIGHUP') },
    ended,
  }
}

/** Argv on the terminal that this command runs in, until it ends; resolves to its exit code. */
export async function terminal(node: Node, argv: readonly string[], onCommand: (told: Told) => void): Promise<number> {
  const { stdin, stdout } = process
  const size = (): Size => ({ cols: stdout.columns || 80, rows: stdout.rows || 24 })
  const pty = await openPty(node, argv, size(), onCommand)
  const raw = stdin.isTTY
  if (raw) stdin.setRawMode(true)
  const onInput = (piece: Buffer): void => pty.write(piece.toString('utf8'))
  const onResize = (): void => pty.resize(size())
  stdin.on('data', onInput)
  stdout.on('resize', onResize)
  pty.onData(text => void stdout.write(text))
  try {
    return await pty.ended
  } finally {
    if (raw) stdin.setRawMode(false)
    stdin.off('data', onInput)
    stdin.pause()
    stdout.off('resize', onResize)
  }
}
