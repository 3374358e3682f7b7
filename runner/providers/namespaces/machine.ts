// The machine under the nodes: this host, or a lab's container. Everything about namespaces is written against it.
import { OPEN, type ExecOptions } from '../../core/bench.ts'
import type { Evidence } from '../../core/verdict.ts'

/** A process on the machine. Its output comes to the listener, piece by piece. */
export interface Running {
  /** Its exit code, once it has ended and its output has come; undefined if a signal ended it. */
  readonly ended: Promise<number | undefined>
  write(text: string): void
  /** Closes its standard input. */
  end(): void
  /** Ends it and everything that it started. */
  kill(): void
  /** From here on it may outlive this process. */
  release(): void
}

export type OnOutput = (stream: 'stdout' | 'stderr', piece: Buffer) => void

export interface Machine {
  spawn(argv: readonly string[], onOutput: OnOutput, env?: Readonly<Record<string, string>>): Running
}

/** With an agent, which does itself what begins with `enter` or `find`: see agent.pl. */
export interface AgentMachine extends Machine {
  readonly byAgent: true
}

const DEADLINE_MS = 10_000
const KEPT_BYTES = 1 << 20

/**
 * Runs argv to its end, or to the deadline. `place` and `shown` are what the evidence says was run where:
 * a reader wants the command, not how the node was entered.
 */
export async function exec(
  machine: Machine, argv: readonly string[], place: string, shown: readonly string[], options: ExecOptions = {},
): Promise<Evidence> {
  const started = performance.now()
  const stdout = new Kept(options.maxBytes ?? KEPT_BYTES)
  const stderr = new Kept(options.maxBytes ?? KEPT_BYTES)
  const told = { stdout: new TextDecoder(), stderr: new TextDecoder() }
  const listener = { stdout: options.onStdout, stderr: options.onStderr }
  const kept = { stdout, stderr }
  const running = machine.spawn(argv, (stream, piece) => {
    kept[stream].add(piece)
    listener[stream]?.(told[stream].decode(piece, { stream: true }))
  })
  let cut: string | undefined
  const stop = (why: string): void => {
    cut ??= why
    running.kill()
  }
  const timeoutMs = options.timeoutMs ?? DEADLINE_MS
  const timer = setTimeout(() => stop(`no end after ${timeoutMs} ms`), timeoutMs)
  const onAbort = (): void => stop('stopped')
  options.signal?.addEventListener('abort', onAbort, { once: true })
  if (options.signal?.aborted) onAbort()
  void feed(running, options.stdin)
  try {
    const exitCode = await running.ended
    const reason = cut === undefined ? '' : `${stderr.text() === '' ? '' : '\n'}[${cut}]`
    return {
      place, argv: shown, exitCode: cut === undefined ? exitCode : undefined,
      stdout: stdout.text(), stderr: stderr.text() + reason, ms: Math.round(performance.now() - started),
    }
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', onAbort)
  }
}

async function feed(running: Running, stdin: ExecOptions['stdin'] = ''): Promise<void> {
  if (stdin === OPEN) return
  if (typeof stdin !== 'string') for await (const text of stdin) running.write(text)
  else if (stdin !== '') running.write(stdin)
  running.end()
}

/** Keeps the first bytes of a stream and counts the others, so that no output exhausts memory. */
class Kept {
  readonly #pieces: Buffer[] = []
  readonly #most: number
  #bytes = 0
  #dropped = 0
  constructor(most: number) {
    this.#most = most
  }
  add(piece: Buffer): void {
    const room = this.#most - this.#bytes
    const part = piece.length > room ? piece.subarray(0, room) : piece
    this.#pieces.push(part)
    this.#bytes += part.length
    this.#dropped += piece.length - part.length
  }
  text(): string {
    const text = Buffer.concat(this.#pieces).toString('utf8')
    return this.#dropped === 0 ? text : `${text}\n[${this.#dropped} more bytes]`
  }
}
