// The live page's server lets in who has its link, and nobody else: each attack is tried, beside the same deed where it is allowed.
import { request as ask, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { connect } from 'node:net'
import { networkInterfaces } from 'node:os'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import type { Act, News } from '../site/live/protocol.ts'
import { listen, type Listening, type TerminalEvents } from '../site/live/server.ts'

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

const done: Act[] = []
const typed: string[] = []
const closed: string[] = []
let terminal: TerminalEvents | undefined
let tell: (news: News) => void = () => {}
let server: Listening
let port: number
let token: string
let cookie: string

beforeAll(async () => {
  server = await listen({
    page: () => Promise.resolve('<!doctype html><title>the page</title>'),
    follow: (listener, signal) => {
      tell = listener
      signal.addEventListener('abort', () => { tell = () => {} })
    },
    act: act => {
      done.push(act)
      return Promise.resolve({ ok: true, text: 'done' })
    },
    open: (place, _, events) => {
      if (place !== 'node1') return Promise.reject(new Error(`there is no node ${place}`))
      terminal = events
      return Promise.resolve({ write: text => void typed.push(text), resize: (columns, rows) => void typed.push(`${columns}x${rows}`), close: () => void closed.push(place) })
    },
  })
  const link = new URL(server.link)
  port = Number(link.port)
  token = link.searchParams.get('token') ?? ''
  cookie = String((await get(`/?token=${token}`)).headers['set-cookie']).split(';')[0] ?? ''
})
afterAll(() => server.close())
beforeEach(() => {
  for (const list of [done, typed, closed]) list.length = 0
})

function send(method: string, path: string, headers: OutgoingHttpHeaders, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = ask({ host: '127.0.0.1', port, method, path, headers: { host: `127.0.0.1:${port}`, ...headers } }, response => {
      let text = ''
      response.on('data', piece => { text += String(piece) })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

const get = (path: string, headers: OutgoingHttpHeaders = {}): Promise<Answer> => send('GET', path, headers)
const ours = (): OutgoingHttpHeaders => ({ cookie, origin: `http://127.0.0.1:${port}`, 'content-type': 'application/json' })
const post = (headers: OutgoingHttpHeaders, body: string): Promise<Answer> => send('POST', '/act', headers, body)

/** How a socket ends: `open`, or the status that refused it. */
function socket(headers: Readonly<Record<string, string>>, path = '/terminal?place=node1'): Promise<string> {
  return new Promise(resolve => {
    const client = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers })
    client.on('open', () => {
      client.close()
      resolve('open')
    })
    client.on('unexpected-response', (_, response) => {
      resolve(String(response.statusCode))
      client.terminate()
    })
    client.on('error', () => {})
  })
}

describe('who has the link', () => {
  test('gets a cookie for the token, and a page without the token in its address', async () => {
    const { status, headers } = await get(`/?token=${token}`)
    expect({ status, location: headers.location }).toEqual({ status: 303, location: '/' })
    expect(String(headers['set-cookie'])).toMatch(new RegExp(`^hardway-${port}=[\\w-]{32}; HttpOnly; SameSite=Strict; Path=/$`))
    expect(await get('/', { cookie })).toMatchObject({ status: 200, text: '<!doctype html><title>the page</title>' })
  })

  test('acts, and types', async () => {
    expect(await post(ours(), '{"act":"hint"}')).toMatchObject({ status: 200, text: '{"ok":true,"text":"done"}' })
    expect(done).toEqual([{ act: 'hint' }])
    expect(await socket({ cookie, origin: `http://127.0.0.1:${port}` })).toBe('open')
  })

  test('is told what happens, as one line of JSON each', async () => {
    const heard = await new Promise<string>((resolve, reject) => {
      const request = ask({ host: '127.0.0.1', port, path: '/events', headers: { host: `localhost:${port}`, cookie } }, response => {
        response.on('data', piece => {
          resolve(String(piece))
          request.destroy()
        })
        tell({ kind: 'gone', because: 'a\nb' })
      })
      request.on('error', reject)
      request.end()
    })
    expect(heard).toBe('data: {"kind":"gone","because":"a\\nb"}\n\n')
  })

  test('types into a shell that is ended when the page is closed', async () => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/terminal?place=node1`, { headers: { cookie, origin: `http://127.0.0.1:${port}` } })
    await new Promise(resolve => client.on('open', resolve))
    client.send('{"data":"ls\\r"}')
    client.send('{"columns":100,"rows":30}')
    await expect.poll(() => typed).toEqual(['ls\r', '100x30'])
    const said = new Promise(resolve => client.on('message', (data: Buffer) => resolve(data.toString())))
    terminal?.onData('hello')
    expect(await said).toBe('hello')
    client.close()
    await expect.poll(() => closed).toEqual(['node1'])
  })

  test('is told why there is no such shell', async () => {
    const client = new WebSocket(`ws://127.0.0.1:${port}/terminal?place=node9`, { headers: { cookie, origin: `http://127.0.0.1:${port}` } })
    expect(await new Promise(resolve => client.on('close', (code, reason) => resolve(`${code} ${String(reason)}`)))).toBe('1011 there is no node node9')
  })
})

describe('who has not', () => {
  const paths = ['/', '/events', '/assets/site.css', '/live/client/main.ts', '/nothing']

  test('sees nothing: no cookie, a wrong one, another server\'s', async () => {
    for (const path of paths) {
      for (const given of [{}, { cookie: `hardway-${port}=${'x'.repeat(32)}` }, { cookie: cookie.replace(String(port), String(port + 1)) }, { cookie: `hardway-${port}=` }]) {
        expect(await get(path, given), path).toMatchObject({ status: 403 })
      }
    }
    expect((await get('/', { cookie })).status).toBe(200)
  })

  test('gets nothing for a wrong token', async () => {
    for (const wrong of ['', 'x', `${token}x`, token.slice(1), 'é'.repeat(16)]) {
      const answer = await get(`/?token=${encodeURIComponent(wrong)}`)
      expect({ status: answer.status, cookie: answer.headers['set-cookie'] }, wrong).toEqual({ status: 403, cookie: undefined })
    }
  })

  test('neither acts nor types', async () => {
    expect((await post({ ...ours(), cookie: '' }, '{"act":"reset"}')).status).toBe(403)
    expect(await socket({ origin: `http://127.0.0.1:${port}` })).toBe('403')
    expect(done).toEqual([])
  })
})

describe('a page of another site', () => {
  test('whose name resolves to this machine (DNS rebinding) gets nothing, even with the token', async () => {
    for (const host of ['evil.example', `evil.example:${port}`, `127.0.0.1`, `127.0.0.1:${port + 1}`, `localhost.evil.example:${port}`, `[::1]:${port}`]) {
      expect((await get('/', { host, cookie })).status, host).toBeOneOf([400, 421])
      expect((await get(`/?token=${token}`, { host })).headers['set-cookie'], host).toBeUndefined()
    }
    expect((await get('/', { host: `localhost:${port}`, cookie })).status).toBe(200)
  })

  test('acts not with a learner\'s cookie', async () => {
    for (const origin of ['http://evil.example', 'null', `http://127.0.0.1:${port + 1}`, `https://127.0.0.1:${port}`, `http://localhost:${port}`, undefined]) {
      const { origin: _, ...rest } = ours()
      expect((await post(origin === undefined ? rest : { ...rest, origin }, '{"act":"reset"}')).status, origin ?? 'none').toBe(403)
    }
    expect(done).toEqual([])
  })

  test('opens no shell with a learner\'s cookie, for which no browser would ask first', async () => {
    for (const origin of ['http://evil.example', 'null', `http://127.0.0.1:${port + 1}`, `http://localhost:${port}`]) expect(await socket({ cookie, origin }), origin).toBe('403')
    expect(await socket({ cookie })).toBe('403')
    expect(await socket({ cookie, origin: `http://127.0.0.1:${port}`, host: 'evil.example' })).toBe('403')
  })

  test('cannot send a form, for which a browser asks nobody', async () => {
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']) expect((await post({ ...ours(), 'content-type': type }, '{"act":"reset"}')).status).toBe(415)
    expect(done).toEqual([])
  })

  test('frames nothing, reads nothing, and is told no address: every answer says so', async () => {
    for (const [path, given] of [['/', { cookie }], ['/', {}], ['/assets/site.css', { cookie }], [`/?token=${token}`, {}]] as const) {
      const { headers } = await get(path, given)
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';.*frame-ancestors 'none'$/)
      expect(headers['content-security-policy']).not.toMatch(/script-src[^;]*unsafe|eval|\*/)
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cross-origin-resource-policy': 'same-origin', 'cache-control': 'no-store' })
      expect(headers['access-control-allow-origin']).toBeUndefined()
    }
  })
})

describe('whatever is sent', () => {
  test('no path leads to a file that is not of the page', async () => {
    for (const path of ['/../package.json', '/assets/../../package.json', '/live/%2e%2e/%2e%2e/package.json', '/live/server.ts', '/live/client/../server.ts', '/assets/%2fetc%2fpasswd', '//etc/passwd', '/__proto__', '/constructor']) {
      expect((await get(path, { cookie })).status, path).toBe(404)
    }
    expect((await get('/assets/site.css', { cookie })).status).toBe(200)
  })

  test('too much is refused, and so is what is not understood', async () => {
    expect((await post(ours(), `{"act":"answer","name":"a","value":"${'x'.repeat(70_000)}"}`)).status).toBe(400)
    for (const body of ['', '{', '[]', 'null', '"hint"', '{"act":"rm"}', '{"act":"goto"}', '{"act":"goto","step":7}', '{"act":"answer","name":"a"}', `{"act":"goto","step":"${'x'.repeat(300)}"}`]) {
      expect((await post(ours(), body)).status, body).toBe(400)
    }
    expect((await send('PUT', '/act', ours(), '{}')).status).toBe(405)
    expect(done).toEqual([])
  })

  test('a flood of keystrokes, or nonsense, ends its own terminal and no more', async () => {
    const codeAfter = (text: string): Promise<number> => new Promise(resolve => {
      const client = new WebSocket(`ws://127.0.0.1:${port}/terminal?place=node1`, { headers: { cookie, origin: `http://127.0.0.1:${port}` } })
      client.on('open', () => client.send(text))
      client.on('close', code => resolve(code))
      client.on('error', () => {})
    })
    expect(await codeAfter(JSON.stringify({ data: 'x'.repeat(70_000) }))).toBe(1009)
    for (const nonsense of ['', 'ls', '{"columns":0,"rows":24}', '{"columns":1e9,"rows":24}', '{"data":7}', '[]']) expect(await codeAfter(nonsense), nonsense).toBe(1008)
    expect(typed).toEqual([])
    expect((await get('/', { cookie })).status).toBe(200)
  })

  test('there are only so many terminals', async () => {
    const all = Array.from({ length: 16 }, () => new WebSocket(`ws://127.0.0.1:${port}/terminal?place=node1`, { headers: { cookie, origin: `http://127.0.0.1:${port}` } }))
    await Promise.all(all.map(client => new Promise(resolve => client.on('open', resolve))))
    expect(await socket({ cookie, origin: `http://127.0.0.1:${port}` })).toBe('503')
    await Promise.all(all.map(client => new Promise(resolve => {
      client.on('close', resolve)
      client.close()
    })))
    await expect.poll(() => socket({ cookie, origin: `http://127.0.0.1:${port}` })).toBe('open')
  })

  test('raw bytes that are no request do no harm', async () => {
    await new Promise<void>(resolve => {
      const raw = connect(port, '127.0.0.1', () => raw.end('\x00\xff GET\r\n\r\n'))
      raw.on('close', () => resolve())
      raw.on('error', () => resolve())
      raw.resume()
    })
    expect((await get('/', { cookie })).status).toBe(200)
  })
})

test('nobody on another machine can connect', async () => {
  const others = Object.values(networkInterfaces()).flat().flatMap(one => one !== undefined && !one.internal && one.family === 'IPv4' ? [one.address] : [])
  for (const host of [...others, '127.0.0.2']) {
    const outcome = await new Promise<string>(resolve => {
      const raw = connect({ port, host, timeout: 2_000 }, () => {
        raw.destroy()
        resolve('connected')
      })
      raw.on('timeout', () => {
        raw.destroy()
        resolve('no answer')
      })
      raw.on('error', error => resolve((error as NodeJS.ErrnoException).code ?? 'refused'))
    })
    expect(outcome, host).not.toBe('connected')
  }
})

test('a server that is closed has ended its terminals', async () => {
  const other = await listen({
    page: () => Promise.resolve(''), follow: () => {}, act: () => Promise.resolve({ ok: true, text: '' }),
    open: place => Promise.resolve({ write: () => {}, resize: () => {}, close: () => void closed.push(place) }),
  })
  const link = new URL(other.link)
  const given = await fetch(other.link, { redirect: 'manual' })
  const client = new WebSocket(`ws://127.0.0.1:${link.port}/terminal?place=node1`, { headers: { cookie: String(given.headers.get('set-cookie')).split(';')[0] ?? '', origin: `http://127.0.0.1:${link.port}` } })
  await new Promise(resolve => client.on('open', resolve))
  client.on('error', () => {})
  await other.close()
  await expect.poll(() => closed).toEqual(['node1'])
  await expect(fetch(other.link)).rejects.toThrow()
})
