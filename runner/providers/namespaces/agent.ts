// One process on the machine that runs any number of commands at once, in the frames that agent.pl describes. In a
// container there is no other way but an exec for each; on this host it is faster than Node, which copies its own
// large page tables for every process that it starts.
import { CouldNotLook } from '../../core/verdict.ts'
import type { AgentMachine, OnOutput, Running } from './machine.ts'

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

export interface Terminal {
  readonly rows: number
  readonly columns: number
}

/** A command with a terminal, or with much to say to it. */
export interface Talking extends Running {
  feed(data: Buffer): void
  /** Bytes that it has been fed and has not taken. */
  readonly untaken: number
  onTaken(listener: () => void): void
  resize(terminal: Terminal): void
}

export interface Agent extends AgentMachine {
  readonly gone: boolean
  talk(argv: readonly string[], onOutput: OnOutput, env: Readonly<Record<string, string>>, terminal?: Terminal): Talking
  /** Ends the agent, and with it every command that was not released. */
  close(): void
}

interface Command {
  readonly onOutput: OnOutput
  readonly ended: PromiseWithResolvers<number | undefined>
  untaken: number
  onTaken: () => void
}

/** The agent's input and outputs. */
export interface Transport {
  write(data: Buffer): void
  onOutput(listener: OnOutput): void
  onGone(listener: () => void): void
  /** Whether this process goes on for its sake. */
  hold(busy: boolean): void
  close(): void
}

/** `what` is what has gone when the agent has. */
export function agentOver(transport: Transport, what: string): Agent {
  const commands = new Map<number, Command>()
  let last = 0
  let gone = false
  let complaint = ''

  // An idle agent is no reason for this process to go on.
  const idle = (): void => {
    transport.hold(commands.size > 0)
  }
  const send = (letter: string, id: number, data: string | Buffer = ''): void => {
    if (gone) return
    const bytes = typeof data === 'string' ? Buffer.from(data) : data
    const frame = Buffer.alloc(9)
    frame.writeUInt32BE(5 + bytes.length)
    frame.write(letter, 4, 'latin1')
    frame.writeUInt32BE(id, 5)
    transport.write(bytes.length === 0 ? frame : Buffer.concat([frame, bytes]))
  }
  const forget = (id: number): void => {
    commands.delete(id)
    idle()
  }
  const obey = (letter: string, id: number, data: Buffer): void => {
    const command = commands.get(id)
    if (command === undefined) return
    if (letter === 'o') command.onOutput('stdout', data)
    else if (letter === 'x') command.onOutput('stderr', data)
    else if (letter === 'w') {
      command.untaken -= Number(data.toString())
      command.onTaken()
    } else if (letter === 'q') {
      forget(id)
      command.ended.resolve(data.length === 0 ? undefined : Number(data.toString()))
    }
  }
  const fail = (): void => {
    if (gone) return
    gone = true
    transport.close()
    const error = new CouldNotLook(`${what} is gone${complaint === '' ? '' : `: ${complaint.trim()}`}`)
    for (const command of commands.values()) command.ended.reject(error)
    commands.clear()
  }

  const frames = framed(obey)
  transport.onOutput((stream, piece) => {
    if (stream === 'stdout') frames(piece)
    else complaint = (complaint + piece.toString()).slice(-1000)
  })
  transport.onGone(fail)
  idle()

  const talk: Agent['talk'] = (argv, onOutput, env, terminal) => {
    const id = ++last
    const command: Command = { onOutput, ended: Promise.withResolvers(), untaken: 0, onTaken: () => {} }
    // Whoever waits for it hears of it; nobody has to.
    command.ended.promise.catch(() => {})
    if (gone) command.ended.reject(new CouldNotLook(`${what} is gone`))
    else {
      commands.set(id, command)
      idle()
      const pairs = Object.entries({ PATH, LC_ALL: 'C', ...env }).map(([name, value]) => `${name}=${value}`)
      send(terminal === undefined ? 'r' : 't', id, [pairs.length, ...pairs, ...argv].join('\0'))
    }
    const resize = ({ rows, columns }: Terminal): void => {
      const size = Buffer.alloc(4)
      size.writeUInt16BE(rows)
      size.writeUInt16BE(columns, 2)
      send('w', id, size)
    }
    if (terminal !== undefined) resize(terminal)
    const feed = (data: Buffer): void => {
      if (!commands.has(id)) return
      command.untaken += data.length
      send('i', id, data)
    }
    return {
      ended: command.ended.promise,
      feed, resize,
      get untaken() { return command.untaken },
      onTaken: listener => { command.onTaken = listener },
      write: text => feed(Buffer.from(text)),
      end: () => send('e', id),
      kill: () => { if (commands.has(id)) send('k', id) },
      release: () => {
        send('f', id)
        forget(id)
      },
    }
  }
  return {
    get gone() { return gone },
    talk, byAgent: true,
    spawn: (argv, onOutput, env = {}) => talk(argv, onOutput, env),
    close: fail,
  }
}

/** Puts frames together from pieces. Data that comes in several pieces is handed on when it is whole. */
export function framed(onFrame: (what: string, id: number, data: Buffer) => void): (piece: Buffer) => void {
  let pieces: Buffer[] = []
  let have = 0
  let need = 4
  return piece => {
    pieces.push(piece)
    have += piece.length
    if (have < need) return
    let rest = pieces.length === 1 ? piece : Buffer.concat(pieces)
    while (rest.length >= 4 && rest.length >= 4 + rest.readUInt32BE(0)) {
      const end = 4 + rest.readUInt32BE(0)
      onFrame(rest.toString('latin1', 4, 5), rest.readUInt32BE(5), rest.subarray(9, end))
      rest = rest.subarray(end)
    }
    pieces = rest.length === 0 ? [] : [rest]
    have = rest.length
    need = rest.length >= 4 ? 4 + rest.readUInt32BE(0) : 4
  }
}
