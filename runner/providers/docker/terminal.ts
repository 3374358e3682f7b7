// What `command` of a node runs on this host: terminal.ts HOST CONTAINER ARGV… Its own terminal, if it has one, is
// the command's; otherwise its input and outputs are. However it ends, the command ends with it.
import { spawnSync } from 'node:child_process'
import type { Talking } from '../namespaces/agent.ts'
import { openAgent } from './agent.ts'
import { engineAt } from './engine.ts'

/** Input that the command has not taken yet; beyond it, no more is read. */
const UNTAKEN_BYTES = 1 << 20

const [host = '', container = '', ...argv] = process.argv.slice(2)
const { stdin, stdout, stderr } = process
const terminal = stdin.isTTY && stdout.isTTY

function size(): { rows: number; columns: number } {
  return { rows: stdout.rows ?? 24, columns: stdout.columns ?? 80 }
}

function connectInput(command: Talking): void {
  stdin.on('data', (piece: Buffer) => {
    command.feed(piece)
    if (command.untaken > UNTAKEN_BYTES) stdin.pause()
  })
  command.onTaken(() => {
    if (command.untaken <= UNTAKEN_BYTES) stdin.resume()
  })
  stdin.on('end', () => command.end())
}

/** With raw mode every key is the command's, Ctrl-C too. */
function raw(on: boolean): void {
  if (!terminal) return
  try {
    stdin.setRawMode(on)
    // Node's raw mode still turns each line feed into two characters: editors in the node mean it as it is.
    if (on) spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] })
  } catch {
    // The terminal has gone before us.
  }
}

function end(code: number): never {
  raw(false)
  process.exit(code)
}

try {
  const agent = await openAgent(engineAt(host), container)
  // A reader that has gone needs no more: as if a pipe had been closed on the command itself.
  for (const stream of [stdout, stderr]) stream.on('error', () => end(141))
  const command = agent.talk(argv, (stream, piece) => {
    (stream === 'stdout' ? stdout : stderr).write(piece)
  }, { TERM: process.env['TERM'] ?? 'dumb' }, terminal ? size() : undefined)
  // The agent ends what is left of the command when this connection does; that also holds for SIGKILL.
  for (const [signal, number] of [['SIGHUP', 1], ['SIGTERM', 15], ['SIGINT', 2]] as const) process.on(signal, () => end(128 + number))
  if (terminal) stdout.on('resize', () => command.resize(size()))
  raw(true)
  connectInput(command)
  const code = await command.ended
  // What was said last is written before this process ends.
  await Promise.all([stdout, stderr].map(stream => new Promise(resolve => stream.write('', resolve))))
  end(code ?? 137)
} catch (error) {
  raw(false)
  stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exit(3)
}
