// The live page's server. A terminal on a page is a remote shell: this listens on the loopback only, lets in who has the link, and
// believes no other site's page, however its name resolves.
import { randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire, stripTypeScriptTypes } from 'node:module'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import type { Duplex } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { WebSocketServer, type WebSocket } from 'ws'
import { readAct, readKeystroke, type Act, type News, type Said } from './protocol.ts'

const require = createRequire(import.meta.url)

export interface LivePage {
  /** The page itself, HTML. */
  page(): Promise<string>
  /** Calls back with what has happened and with all that happens from now on. */
  follow(tell: (news: News) => void, signal: AbortSignal): void
  act(act: Act): Promise<Said>
  /** A shell in a place; rejects if there is no such place. */
  open(place: string, size: { readonly columns: number; readonly rows: number }, events: TerminalEvents): Promise<Terminal>
}

export interface TerminalEvents {
  onData(text: string): void
  onEnd(): void
}

export interface Terminal {
  write(text: string): void
  resize(columns: number, rows: number): void
  close(): void
}

/** By which a page finds its server again, and its server the page: whoever has it can do what the learner can. */
export interface Identity {
  readonly port: number
  readonly token: string
  readonly cookie: string
}

export interface Listening {
  readonly identity: Identity
  /** With the token. */
  readonly link: string
  close(): Promise<void>
}

const MOST_TERMINALS = 16
const MOST_BYTES = 64 * 1024
const PING_MS = 20_000

/** Scripts come from here, styles too, but a terminal also makes its own: xterm.js draws its colours with a style element. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/** The identity of a server that is gone, or one that is new. Rejects with EADDRINUSE where the port is somebody's. */
export async function listen(live: LivePage, given: Partial<Identity> = {}): Promise<Listening> {
  const { port = 0, token = secret(), cookie = secret() } = given
  const ended = new AbortController()
  const server = createServer()
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MOST_BYTES, perMessageDeflate: false })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // 127.0.0.1 and not `localhost`, which may be an address of the outside.
    server.listen(port, '127.0.0.1', resolve)
  })
  const own = (server.address() as AddressInfo).port
  const guard = new Guard(own, token, cookie)
  server.on('request', (request, response) => {
    void answer(live, guard, request, response, ended.signal).catch(() => end(response, 500, 'something went wrong here'))
  })
  server.on('upgrade', (request, socket, head) => upgrade(live, guard, sockets, request, socket, head))
  return {
    identity: { port: own, token, cookie },
    link: `http://127.0.0.1:${own}/?token=${token}`,
    close: async () => {
      ended.abort()
      for (const client of sockets.clients) client.terminate()
      await new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

/** 192 bits. */
function secret(): string {
  return randomBytes(24).toString('base64url')
}

/** Who is let in. */
class Guard {
  readonly #hosts: readonly string[]
  readonly #name: string
  readonly #token: string
  readonly #cookie: string
  constructor(port: number, token: string, cookie: string) {
    this.#hosts = [`127.0.0.1:${port}`, `localhost:${port}`]
    // A browser sends a host's cookies to all of its ports: each server has its own.
    this.#name = `hardway-${port}`
    this.#token = token
    this.#cookie = cookie
  }

  /** A name that resolves to this machine is not this page: DNS rebinding. */
  isOurs({ headers }: IncomingMessage): boolean {
    return this.#hosts.includes(headers.host ?? '')
  }

  /** Nothing is changed, and no shell opened, for a page of another site. */
  isFromOurs({ headers }: IncomingMessage): boolean {
    return headers.origin !== undefined && headers.origin === `http://${headers.host ?? ''}`
  }

  hasToken(given: string): boolean {
    return same(given, this.#token)
  }

  hasCookie({ headers }: IncomingMessage): boolean {
    const given = (headers.cookie ?? '').split(/;\s*/).find(part => part.startsWith(`${this.#name}=`))
    return given !== undefined && same(given.slice(this.#name.length + 1), this.#cookie)
  }

  get setCookie(): string {
    return `${this.#name}=${this.#cookie}; HttpOnly; SameSite=Strict; Path=/`
  }
}

/** In a time that says nothing of where they differ. */
function same(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)]
  return one.length === other.length && timingSafeEqual(one, other)
}

async function answer(live: LivePage, guard: Guard, request: IncomingMessage, response: ServerResponse, signal: AbortSignal): Promise<void> {
  if (!guard.isOurs(request)) return end(response, 421, 'this is not the page that you asked for')
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  const token = url.searchParams.get('token')
  if (request.method === 'GET' && url.pathname === '/' && token !== null) {
    if (!guard.hasToken(token)) return end(response, 403, 'this link is not of this run: `npx lab serve` prints a new one')
    // The token does not stay in the address, where it would be seen and remembered.
    response.writeHead(303, { location: '/', 'set-cookie': guard.setCookie, ...HEADERS })
    response.end()
    return
  }
  if (!guard.hasCookie(request)) return end(response, 403, 'open the link that `npx lab serve` has printed')
  if (request.method === 'POST' && url.pathname === '/act') {
    if (!guard.isFromOurs(request)) return end(response, 403, 'this came from another page')
    if (request.headers['content-type'] !== 'application/json') return end(response, 415, 'expected JSON')
    const act = readAct(await body(request))
    if (act === undefined) return end(response, 400, 'not understood')
    const said = await live.act(act)
    return send(response, 'application/json', JSON.stringify(said))
  }
  if (request.method !== 'GET') return end(response, 405, 'not here')
  if (url.pathname === '/') return send(response, 'text/html; charset=utf-8', await live.page())
  if (url.pathname === '/events') return stream(live, response, signal)
  const asset = ASSETS[url.pathname]
  if (asset === undefined) return end(response, 404, 'there is no such page')
  send(response, asset.type, asset.read())
}

const HEADERS = {
  'content-security-policy': POLICY, 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin', 'cross-origin-resource-policy': 'same-origin',
}

function send(response: ServerResponse, type: string, content: string | Buffer): void {
  response.writeHead(200, { 'content-type': type, ...HEADERS })
  response.end(content)
}

function end(response: ServerResponse, status: number, text: string): void {
  if (response.headersSent) return void response.end()
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8', ...HEADERS })
  response.end(`${text}\n`)
}

/** Undefined for what is too long, or no JSON. */
async function body(request: IncomingMessage): Promise<unknown> {
  let text = ''
  for await (const piece of request) {
    text += String(piece)
    if (text.length > MOST_BYTES) return undefined
  }
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

/** Server-sent events: one line of JSON each. */
function stream(live: LivePage, response: ServerResponse, ended: AbortSignal): void {
  const closed = new AbortController()
  response.writeHead(200, { 'content-type': 'text/event-stream', ...HEADERS })
  response.flushHeaders()
  const ping = setInterval(() => response.write(': still here\n\n'), PING_MS)
  live.follow(news => response.write(`data: ${JSON.stringify(news)}\n\n`), AbortSignal.any([closed.signal, ended]))
  response.on('close', () => {
    clearInterval(ping)
    closed.abort()
  })
}

function upgrade(live: LivePage, guard: Guard, sockets: WebSocketServer, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const refuse = (status: string): void => { socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\n\r\n`) }
  socket.on('error', () => socket.destroy())
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  // A browser sends no preflight for a socket, and our cookie with it: the page that it is from is all there is to go by.
  if (!guard.isOurs(request) || !guard.isFromOurs(request) || !guard.hasCookie(request)) return refuse('403 Forbidden')
  if (url.pathname !== '/terminal') return refuse('404 Not Found')
  if (sockets.clients.size >= MOST_TERMINALS) return refuse('503 Service Unavailable')
  sockets.handleUpgrade(request, socket, head, client => { void serveTerminal(live, client, url.searchParams.get('place') ?? '') })
}

async function serveTerminal(live: LivePage, client: WebSocket, place: string): Promise<void> {
  let terminal: Terminal | undefined
  const waiting: string[] = []
  const take = (text: string): void => {
    const stroke = readKeystroke(parsed(text))
    if (stroke === undefined) client.close(1008, 'not understood')
    else if ('data' in stroke) terminal?.write(stroke.data)
    else terminal?.resize(stroke.columns, stroke.rows)
  }
  client.on('message', data => {
    const text = Buffer.isBuffer(data) ? data.toString('utf8') : ''
    if (terminal === undefined) waiting.push(text)
    else take(text)
  })
  client.on('error', () => client.terminate())
  client.on('close', () => terminal?.close())
  try {
    terminal = await live.open(place, { columns: 80, rows: 24 }, {
      onData: text => { if (client.readyState === client.OPEN) client.send(text) },
      onEnd: () => client.close(1000, 'ended'),
    })
    for (const text of waiting) take(text)
    // Gone before it was there.
    if (client.readyState !== client.OPEN) terminal.close()
  } catch (error) {
    client.close(1011, (error instanceof Error ? error.message : String(error)).slice(0, 100))
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

interface Asset {
  readonly type: string
  read(): string | Buffer
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const file = (type: string, path: () => string): Asset => ({ type, read: () => readFileSync(path()) })
/** TypeScript as a browser takes it: the types are left out, as Node itself does. */
const script = (path: string): Asset => ({ type: 'text/javascript; charset=utf-8', read: () => stripTypeScriptTypes(readFileSync(here(path), 'utf8')) })
const within = (name: string, path: string): string => join(dirname(require.resolve(`${name}/package.json`)), path)

/** All that there is: no path of a request is ever one of this machine. */
const ASSETS: Readonly<Record<string, Asset>> = {
  '/assets/site.css': file('text/css', () => here('../assets/site.css')),
  '/assets/drawing.css': file('text/css', () => here('../assets/drawing.css')),
  '/assets/live.css': file('text/css', () => here('../assets/live.css')),
  '/assets/theme.js': file('text/javascript', () => here('../assets/theme.js')),
  '/assets/xterm.css': file('text/css', () => within('@xterm/xterm', 'css/xterm.css')),
  '/assets/inter.woff2': file('font/woff2', () => require.resolve('@fontsource-variable/inter/files/inter-latin-wght-normal.woff2')),
  '/assets/jetbrains-mono.woff2': file('font/woff2', () => require.resolve('@fontsource-variable/jetbrains-mono/files/jetbrains-mono-latin-wght-normal.woff2')),
  '/modules/xterm.mjs': file('text/javascript', () => within('@xterm/xterm', 'lib/xterm.mjs')),
  '/modules/addon-fit.mjs': file('text/javascript', () => within('@xterm/addon-fit', 'lib/addon-fit.mjs')),
  '/live/client/main.ts': script('client/main.ts'),
  '/live/client/terminals.ts': script('client/terminals.ts'),
  '/live/state.ts': script('state.ts'),
  '/grid.ts': script('../grid.ts'),
  '/html.ts': script('../html.ts'),
  '/runner/core/grid.ts': script('../../runner/core/grid.ts'),
}

