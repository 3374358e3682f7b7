import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { framed } from '../../runner/providers/namespaces/agent.ts'
import { containerOf, keptName } from '../../runner/providers/docker/container.ts'
import { demux, engineAt, hosts, Refused, Unreachable } from '../../runner/providers/docker/engine.ts'
import { isDead, ownerLabel } from '../../runner/providers/docker/owner.ts'
import { judge, unreachable } from '../../runner/providers/docker/problems.ts'
import { usersOf } from '../../runner/providers/docker/users.ts'
import type { Topology } from '../../runner/core/topology.ts'
import { threeNodes } from './three-nodes.ts'

/** The bytes in pieces of any sizes. */
function cut(bytes: Buffer, sizes: readonly number[]): readonly Buffer[] {
  const pieces: Buffer[] = []
  let at = 0
  for (const size of sizes) {
    pieces.push(bytes.subarray(at, at + size))
    at += size
  }
  return [...pieces, bytes.subarray(at)].filter(piece => piece.length > 0)
}

const sizes = fc.array(fc.integer({ min: 1, max: 9 }))
const data = fc.uint8Array({ maxLength: 20 }).map(bytes => Buffer.from(bytes))

describe('streams that are cut anywhere', () => {
  it('give the agent\'s frames whole', () => {
    const frame = fc.record({ what: fc.constantFrom('o', 'x', 'q'), id: fc.nat(0xffff_ffff), data })
    fc.assert(fc.property(fc.array(frame), sizes, (frames, at) => {
      const bytes = Buffer.concat(frames.map(({ what, id, data }) => {
        const head = Buffer.alloc(9)
        head.writeUInt32BE(5 + data.length)
        head.write(what, 4)
        head.writeUInt32BE(id, 5)
        return Buffer.concat([head, data])
      }))
      const got: typeof frames = []
      const read = framed((what, id, data) => got.push({ what: what as 'o', id, data: Buffer.from(data) }))
      cut(bytes, at).forEach(read)
      expect(got).toEqual(frames)
    }))
  })

  it('give both outputs of the engine\'s', () => {
    const part = fc.record({ stream: fc.constantFrom('stdout' as const, 'stderr' as const), data })
    fc.assert(fc.property(fc.array(part), sizes, (parts, at) => {
      const bytes = Buffer.concat(parts.map(({ stream, data }) => {
        const head = Buffer.from([stream === 'stdout' ? 1 : 2, 0, 0, 0, 0, 0, 0, 0])
        head.writeUInt32BE(data.length, 4)
        return Buffer.concat([head, data])
      }))
      const got = { stdout: [] as Buffer[], stderr: [] as Buffer[] }
      const stream = new PassThrough()
      demux(stream, (which, piece) => got[which].push(piece))
      for (const piece of cut(bytes, at)) stream.emit('data', piece)
      for (const stream of ['stdout', 'stderr'] as const) {
        expect(Buffer.concat(got[stream])).toEqual(Buffer.concat(parts.filter(part => part.stream === stream).map(({ data }) => data)))
      }
    }))
  })
})

it('a full read of short parts does not overflow the stack', () => {
  const stream = new PassThrough()
  let bytes = 0
  demux(stream, (_, piece) => { bytes += piece.length })
  stream.emit('data', Buffer.concat(Array<Buffer>(7281).fill(Buffer.from([1, 0, 0, 0, 0, 0, 0, 1, 65]))))
  expect(bytes).toBe(7281)
})

describe('an engine', () => {
  const folder = mkdtempSync(join(tmpdir(), 'hardway-engine-'))
  const file = (name: string): string => join(folder, name)
  const before = { ...process.env }
  const servers: Server[] = []
  const listen = async (server: Server, at: string | number): Promise<void> => {
    servers.push(server)
    server.on('request', ({ method, url, headers }: IncomingMessage, response: ServerResponse) => {
      if (url === '/refuses') response.writeHead(409).end('{"message":"the name is taken"}')
      else if (url === '/says') response.writeHead(500).end('in plain words\n')
      else if (url === '/breaks') response.writeHead(200, { 'Content-Length': '9' }).write('{', () => response.destroy())
      else if (url !== '/waits') response.end(JSON.stringify({ method, url, type: headers['content-type'] }))
    })
    server.on('upgrade', (_, socket: Socket) => {
      let bytes = 0
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nearly, ')
      socket.on('data', (piece: Buffer) => { bytes += piece.length }).on('end', () => socket.end(`and ${bytes} bytes`))
    })
    await once(server.listen(at), 'listening')
  }
  const socket = `unix://${file('engine.sock')}`

  beforeAll(() => listen(createServer(), file('engine.sock')))
  afterAll(() => {
    for (const server of servers) server.close()
    rmSync(folder, { recursive: true })
  })
  afterEach(() => { process.env = { ...before } })

  it('is asked as its documentation says', async () => {
    const engine = engineAt(socket)
    const query = { filters: '{"label":["a=b c"]}' }
    const url = `/x?filters=${encodeURIComponent(query.filters)}`
    expect(await engine.call('GET', '/x', { query })).toEqual({ method: 'GET', url })
    expect(await engine.call('POST', '/x', { query })).toEqual({ method: 'POST', url })
    expect(await engine.call('POST', '/x', { query, body: { a: 1 } })).toEqual({ method: 'POST', url, type: 'application/json' })
    expect(await engine.call('POST', '/x', { stream: Readable.from([Buffer.from('tar')]) })).toEqual({ method: 'POST', url: '/x', type: 'application/x-tar' })
  })

  it('refuses in its own words', async () => {
    await expect(engineAt(socket).call('GET', '/refuses')).rejects.toEqual(new Refused(409, 'the name is taken'))
    await expect(engineAt(socket).call('GET', '/says')).rejects.toEqual(new Refused(500, 'in plain words'))
  })

  it('that breaks off, or is not waited for, is no endless wait', async () => {
    await expect(engineAt(socket).call('GET', '/breaks')).rejects.toThrow('aborted')
    await expect(engineAt(socket).call('GET', '/waits', { signal: AbortSignal.timeout(20) })).rejects.toThrow('aborted')
  })

  it('that is not there says so', async () => {
    await expect(engineAt(`unix://${file('none.sock')}`).call('GET', '/')).rejects.toMatchObject({ code: 'ENOENT' })
    await expect(engineAt('tcp://127.0.0.1:1').call('GET', '/')).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  })

  it('is the one that is named, whatever DOCKER_HOST says', async () => {
    process.env['DOCKER_HOST'] = 'tcp://127.0.0.1:1'
    expect(await engineAt(socket).call('GET', '/x')).toMatchObject({ url: '/x' })
    expect(process.env['DOCKER_HOST']).toBe('tcp://127.0.0.1:1')
  })

  const conversation = async (host: string): Promise<string> => {
    const taken = await engineAt(host).takeOver('/streams', { Tty: false })
    taken.end(Buffer.alloc(100_000))
    return text(taken)
  }

  it('gives a stream away, of which one direction can end before the other', async () => {
    expect(await conversation(socket)).toBe('early, and 100000 bytes')
  })

  it('may be behind TLS that knows both sides', async () => {
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', file('key.pem'), '-out', file('ca.pem'),
      '-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'], { stdio: 'ignore' })
    copyFileSync(file('ca.pem'), file('cert.pem'))
    const [key, cert] = [readFileSync(file('key.pem')), readFileSync(file('cert.pem'))]
    const server = createTlsServer({ key, cert, ca: cert, requestCert: true })
    await listen(server, 0)
    const host = `tcp://localhost:${(server.address() as AddressInfo).port}`
    process.env['DOCKER_TLS_VERIFY'] = '1'
    process.env['DOCKER_CERT_PATH'] = folder
    expect(await engineAt(host).call('GET', '/x')).toMatchObject({ url: '/x' })
    expect(await conversation(host)).toBe('early, and 100000 bytes')
    process.env['DOCKER_CERT_PATH'] = file('none')
    expect(() => engineAt(host)).toThrow(/DOCKER_HOST is tcp:.*none\/ca\.pem/)
  })
})

describe('an owner', () => {
  it('is alive as long as its process is', () => expect(isDead(ownerLabel())).toBe(false))
  it('is dead when the number was given to another process', () => expect(isDead(ownerLabel().replace(/\d$/, last => String((Number(last) + 1) % 10)))).toBe(true))
  it('is dead when there is no such process', () => expect(isDead(ownerLabel().replace(/ \d+ /, ' 99999999 '))).toBe(true))
  it('of another host may be alive', () => expect(isDead('elsewhere 1 x')).toBe(false))
})

describe('users', () => {
  it('of a node are never the engine\'s, whatever it remaps', () => {
    for (const info of [{}, { SecurityOptions: ['name=rootless'] }, { Rootless: true }, { SecurityOptions: ['name=userns'], DockerRootDir: '/var/lib/docker/300000.300000' }]) {
      const users = usersOf(info)
      expect(users.ofNode(0)).not.toBe(0)
      const all = new Set([0, 1, 33, 1000, 65_531, 65_534].map(users.ofNode))
      expect(all.size).toBe(6)
    }
  })

  it('are refused where nobody can say how they are remapped', () => {
    expect(() => usersOf({ SecurityOptions: ['name=userns'], DockerRootDir: '/srv/docker' })).toThrow('does not say')
  })
})

describe('the container', () => {
  it('is privileged on no engine that runs as root', () => {
    for (const SecurityOptions of [['name=seccomp'], ['name=userns']]) {
      const made = JSON.stringify(containerOf(threeNodes, { SecurityOptions, DockerRootDir: '/var/lib/docker/1.1' }, {}))
      expect(made).not.toContain('Privileged')
      expect(made).toContain('"CapDrop":["ALL"]')
    }
  })

  it('is let out of AppArmor only where there is AppArmor', () => {
    expect(JSON.stringify(containerOf(threeNodes, { SecurityOptions: ['name=apparmor'] }, {}))).toContain('apparmor=unconfined')
    expect(JSON.stringify(containerOf(threeNodes, {}, {}))).not.toContain('apparmor')
  })

  it('is let out of the engine\'s filter only where nodes run containers', () => {
    const kubelets: Topology = { ...threeNodes, nodes: threeNodes.nodes.map(node => ({ ...node, role: 'kubelet' })) }
    expect(JSON.stringify(containerOf(kubelets, {}, {}))).toContain('seccomp=unconfined')
    expect(JSON.stringify(containerOf(threeNodes, {}, {}))).not.toContain('seccomp')
  })

  it('sees the components only where a node asks for one, and cannot write there', () => {
    expect(JSON.stringify(containerOf(threeNodes, {}, {}))).not.toContain('Mounts')
    expect(containerOf(threeNodes, {}, {}, '/cache/components')).toMatchObject({ HostConfig: { Mounts: [{ Type: 'bind', Source: '/cache/components', Target: '/opt', ReadOnly: true }] } })
  })

  it('has one name for a lab in a state folder', () => {
    expect(keptName('/home/a', '05-routes')).toMatch(/^hardway-[0-9a-f]{8}-05-routes$/)
    expect(keptName('/home/a', '05-routes')).not.toBe(keptName('/home/b', '05-routes'))
  })
})

describe('problems', () => {
  it.each([
    [{ ApiVersion: '1.39' }, {}, /too old/],
    [{ ApiVersion: '1.41' }, { OSType: 'windows' }, /windows containers/],
    [{ ApiVersion: '1.41' }, { KernelVersion: '5.10.0-28-amd64' }, /need 5\.11/],
    [{ ApiVersion: '1.41' }, { MemoryLimit: false }, /can't limit the memory/],
    [{ ApiVersion: '1.41' }, { Rootless: true, CgroupVersion: '1', MemoryLimit: true }, /can't limit the memory and the processes/],
  ])('of %j, %j are said', (version, info, what) => {
    expect(judge(version, info)).toEqual([expect.objectContaining({ what: expect.stringMatching(what) as string })])
  })

  it('are none with engines that will do', () => {
    expect(judge({ ApiVersion: '1.41' }, { OSType: 'linux', KernelVersion: '6.1.0', MemoryLimit: true, PidsLimit: true })).toEqual([])
    expect(judge({ ApiVersion: '1.100' }, {})).toEqual([])
  })

  it('of a socket that is not for this user name the group', () => {
    expect(unreachable('unix:///var/run/docker.sock', new Unreachable('EACCES', '')).mend).toContain('usermod -aG docker')
  })

  it('of an address that nobody can call say what is expected', () => {
    expect(() => engineAt('ssh://somewhere')).toThrow(/expected unix:\/\/.*ssh -nNT -L/)
  })

  it('start with the address that is given', () => {
    const before = process.env['DOCKER_HOST']
    process.env['DOCKER_HOST'] = 'tcp://10.0.0.1:2375'
    try {
      expect(hosts()).toEqual(['tcp://10.0.0.1:2375'])
    } finally {
      if (before === undefined) delete process.env['DOCKER_HOST']
      else process.env['DOCKER_HOST'] = before
    }
  })
})
