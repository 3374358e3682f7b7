// The engine's HTTP interface, spoken by Docker and Podman alike: plain requests, and streams taken over from them.
// Node's own client does it in 3 ms of start-up; a client library's 100 ms would be half of a `lab check`.
import { accessSync, constants, readFileSync } from 'node:fs'
import { request as http, type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import type { Socket } from 'node:net'
import { homedir, platform } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
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
  /** Sent as it comes, instead of `body`. */
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
  /** The connection itself, from the answer's head on, for both directions. `head` came with it. */
  takeOver(path: string, body: object): Promise<{ readonly socket: Socket; readonly head: Buffer }>
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
  const at = address(host)

  /** Node's TLS is loaded only where it is spoken. */
  const start = async (options: RequestOptions): Promise<ClientRequest> =>
    at.tls === undefined ? http({ ...at.options, ...options })
      : (await import('node:https')).request({ ...at.options, ...at.tls(), ...options })

  const send = async (method: string, path: string, { query, body, stream, signal }: Call, headers: Record<string, string>): Promise<ClientRequest> => {
    // Without a version in the path an engine answers in its own: each keeps what is used here, and new
    // engines refuse the versions that old ones have.
    const search = query === undefined ? '' : `?${new URLSearchParams(query).toString()}`
    const text = body === undefined ? undefined : JSON.stringify(body)
    const request = await start({
      method, path: `${path}${search}`, ...(signal === undefined ? {} : { signal }),
      headers: {
        Host: 'engine', ...headers,
        ...(text === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': String(Buffer.byteLength(text)) }),
        ...(stream === undefined ? {} : { 'Content-Type': 'application/x-tar' }),
      },
    })
    if (stream === undefined) request.end(text)
    else stream.on('error', error => request.destroy(error)).pipe(request)
    return request
  }

  const answer = async (request: ClientRequest): Promise<IncomingMessage> => {
    const got = Promise.withResolvers<IncomingMessage>()
    request.on('response', got.resolve)
    request.on('error', (error: NodeJS.ErrnoException) => got.reject(new Unreachable(error.code, `the engine at ${host} can't be reached: ${error.message}`)))
    const response = await got.promise
    if ((response.statusCode ?? 0) < 400) return response
    throw await refusal(response)
  }

  return {
    host,
    async open(method, path, call = {}) {
      return answer(await send(method, path, call, {}))
    },
    async call<Answer>(method: string, path: string, call: Call = {}): Promise<Answer> {
      const text = await textOf(await answer(await send(method, path, call, {})))
      return (text.trim() === '' ? undefined : JSON.parse(text)) as Answer
    },
    async takeOver(path, body) {
      const request = await send('POST', path, { body }, { Connection: 'Upgrade', Upgrade: 'tcp' })
      const got = Promise.withResolvers<{ socket: Socket; head: Buffer }>()
      request.on('upgrade', (_, socket: Socket, head: Buffer) => got.resolve({ socket, head }))
      // An engine that does not switch protocols has refused.
      answer(request).then(
        response => got.reject(new Unable(`the engine at ${host} does not give its streams away (HTTP ${response.statusCode})`)), got.reject)
      return got.promise
    },
  }
}

interface Address {
  readonly options: RequestOptions
  readonly tls?: () => RequestOptions & { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer }
}

function address(host: string): Address {
  if (host.startsWith('unix://')) return { options: { socketPath: host.slice('unix://'.length) } }
  if (host.startsWith('npipe://')) return { options: { socketPath: host.slice('npipe://'.length).replaceAll('/', '\\') } }
  const url = URL.parse(host.includes('://') ? host : `tcp://${host}`)
  if (url === null || !['tcp:', 'http:', 'https:'].includes(url.protocol)) {
    throw new Unable(`DOCKER_HOST is ${host}; expected unix://, npipe:// or tcp:// (for ssh, forward the socket: ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST, and DOCKER_HOST=unix:///tmp/docker.sock)`)
  }
  const options = { host: url.hostname, port: url.port || '2375' }
  const folder = process.env['DOCKER_CERT_PATH'] ?? join(homedir(), '.docker')
  if (url.protocol !== 'https:' && !process.env['DOCKER_TLS_VERIFY'] && url.port !== '2376') return { options }
  const read = (name: string): Buffer => readFileSync(join(folder, name))
  return { options, tls: () => ({ ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem') }) }
}

export async function textOf(stream: Readable): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of stream) pieces.push(piece as Buffer)
  return Buffer.concat(pieces).toString('utf8')
}

async function refusal(response: IncomingMessage): Promise<Refused> {
  const text = await textOf(response)
  let message = text.trim()
  try {
    message = (JSON.parse(text) as { message?: string }).message ?? message
  } catch {
    // Said in plain words.
  }
  return new Refused(response.statusCode ?? 0, message)
}

/** Splits a stream of the engine that carries both outputs: a letter for which, 3 zero bytes, a length, data. */
export function splitter(onPiece: (stream: 'stdout' | 'stderr', piece: Buffer) => void): (piece: Buffer) => void {
  let head = Buffer.alloc(0)
  let left = 0
  let stream: 'stdout' | 'stderr' = 'stdout'
  return piece => {
    let at = 0
    while (at < piece.length) {
      if (left === 0) {
        const taken = piece.subarray(at, at + 8 - head.length)
        head = Buffer.concat([head, taken])
        at += taken.length
        if (head.length < 8) return
        stream = head[0] === 2 ? 'stderr' : 'stdout'
        left = head.readUInt32BE(4)
        head = Buffer.alloc(0)
        continue
      }
      const data = piece.subarray(at, at + left)
      at += data.length
      left -= data.length
      onPiece(stream, data)
    }
  }
}
