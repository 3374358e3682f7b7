// The engine's HTTP interface, spoken by Docker and Podman alike: plain requests, and streams taken over from them.
// docker-modem, what dockerode itself stands on, does the talking; dockerode would load gRPC on top of it.
import { EventEmitter } from 'node:events'
import { accessSync, constants } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { homedir, platform } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import Modem from 'docker-modem'
import { Unable } from '../../core/mistake.ts'

/** An answer of the engine other than success. */
export class Refused extends Unable {
  readonly status: number
  constructor(status: number, message: string) {
    super(message)
    this.name = 'Refused'
    this.status = status
  }
}

/** The engine could not be reached at all. */
export class Unreachable extends Unable {
  readonly code: string | undefined
  constructor(code: string | undefined, message: string) {
    super(message)
    this.name = 'Unreachable'
    this.code = code
  }
}

export interface Call {
  readonly query?: Readonly<Record<string, string>>
  /** Sent as JSON. */
  readonly body?: object
  /** A tar, sent as it comes, instead of `body`. */
  readonly stream?: Readable
  readonly signal?: AbortSignal
}

export interface Engine {
  /** As DOCKER_HOST would say it. */
  readonly host: string
  /** The answer's JSON, whose form the caller knows from the engine's documentation; undefined if it is empty. */
  call<Answer>(method: string, path: string, call?: Call): Promise<Answer>
  /** The answer as it comes. */
  open(method: string, path: string, call?: Call): Promise<IncomingMessage>
  /** The connection itself, from the answer's head on, for both directions. */
  takeOver(path: string, body: object): Promise<Socket>
}

/** Where an engine may be found, best first. */
export function hosts(): readonly string[] {
  const given = process.env['DOCKER_HOST']
  if (given) return [given]
  if (platform() === 'win32') return ['npipe:////./pipe/docker_engine']
  const runtime = process.env['XDG_RUNTIME_DIR']
  return [
    '/var/run/docker.sock', join(homedir(), '.docker/run/docker.sock'),
    ...(runtime ? [join(runtime, 'docker.sock'), join(runtime, 'podman/podman.sock')] : []),
    '/run/podman/podman.sock',
  ].map(path => `unix://${path}`)
}

/** The engine of the first socket that this user may use; whether it answers is for the first call to find out. */
export function findEngine(): Engine {
  const all = hosts()
  const may = (mode: number) => (host: string): boolean => {
    if (!host.startsWith('unix://')) return true
    try {
      accessSync(host.slice('unix://'.length), mode)
      return true
    } catch {
      return false
    }
  }
  return engineAt(all.find(may(constants.R_OK | constants.W_OK)) ?? all.find(may(constants.F_OK)) ?? all[0] ?? '')
}

export function engineAt(host: string): Engine {
  const modem = modemAt(host)

  // Without a version in the path an engine answers in its own: each keeps what is used here, and new
  // engines refuse the versions that old ones have.
  // Always a stream: of an answer that breaks off, the modem's own reading would never say anything.
  const dial = (method: string, path: string, { query = {}, body = {}, stream, signal }: Call, hijack = false): Promise<IncomingMessage | Socket> =>
    new Promise((resolve, reject) => {
      modem.dial({
        method, path: Object.keys(query).length === 0 ? path : `${path}?`, options: { _query: query, _body: body },
        isStream: true, hijack, statusCodes: SUCCESS,
        ...(stream === undefined ? {} : { file: stream, headers: { 'Content-Type': 'application/x-tar' } }),
        ...(signal === undefined ? {} : { abortSignal: signal }),
      }, (error: Failure | null, result) => {
        if (error === null) return resolve(result as IncomingMessage | Socket)
        const { statusCode } = error
        if (statusCode !== undefined) return reject(new Refused(statusCode, error.message.replace(/^\(HTTP code \d+\) unexpected - /, '').trim()))
        reject(new Unreachable(error.code, `the engine at ${host} can't be reached: ${error.message}`))
      })
    })
  const open: Engine['open'] = async (method, path, call = {}) => await dial(method, path, call) as IncomingMessage

  return {
    host, open,
    async call<Answer>(method: string, path: string, call: Call = {}): Promise<Answer> {
      const said = await text(await open(method, path, call))
      return (said.trim() === '' ? undefined : JSON.parse(said)) as Answer
    },
    async takeOver(path, body) {
      const taken = await dial('POST', path, { body }, true)
      // An engine that does not switch protocols has refused.
      if ('statusCode' in taken) throw new Unable(`the engine at ${host} does not give its streams away (HTTP ${taken.statusCode})`)
      return taken as Socket
    },
  }
}

/** What went wrong, if anything did, of an answer that is a line of JSON for each event: an error is one of them. */
export function errorIn(events: string): string | undefined {
  return events.split('\n').filter(Boolean).map(line => (JSON.parse(line) as { error?: string }).error).find(Boolean)
}

const BITE_BYTES = 1 << 13
const SUCCESS = { 101: true, 200: true, 201: true, 204: true, 304: true }

interface Failure extends NodeJS.ErrnoException {
  readonly statusCode?: number
}

/** The modem reads addresses from its environment only. */
function modemAt(host: string): Modem {
  // It takes whatever it does not know for TCP; and with ssh, any host key for the right one.
  if (host.includes('://') && !/^(unix|npipe|tcp|http):/.test(host)) {
    throw new Unable(`DOCKER_HOST is ${host}; expected unix://, npipe:// or tcp:// (for ssh, forward the socket: ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST, and DOCKER_HOST=unix:///tmp/docker.sock)`)
  }
  const before = process.env['DOCKER_HOST']
  process.env['DOCKER_HOST'] = host
  try {
    return new Modem()
  } catch (error) {
    throw new Unable(`DOCKER_HOST is ${host}: ${error instanceof Error ? error.message : String(error)}`)
  } finally {
    if (before === undefined) delete process.env['DOCKER_HOST']
    else process.env['DOCKER_HOST'] = before
  }
}

/** Hands on both outputs of a stream that carries them. */
export function demux(stream: Readable, onPiece: (stream: 'stdout' | 'stderr', piece: Buffer) => void): void {
  const to = (which: 'stdout' | 'stderr') => ({ write: (piece: Buffer) => onPiece(which, piece) }) as unknown as NodeJS.WritableStream
  // The modem calls itself for each part in what it is given: a full read of short ones would overflow its stack.
  const bites = new EventEmitter()
  Modem.prototype.demuxStream(bites as Readable, to('stdout'), to('stderr'))
  stream.on('data', (piece: Buffer) => {
    for (let at = 0; at < piece.length; at += BITE_BYTES) bites.emit('data', piece.subarray(at, at + BITE_BYTES))
  })
}
