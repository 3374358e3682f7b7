// Fetching, with a server and a Go of the test's own: what comes, what breaks off, what is damaged, and who waits for whom.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { expect, onTestFinished, test, vi } from 'vitest'
import { fetched, folderName } from '../../runner/components/cache.ts'
import { sumIn } from '../../runner/components/download.ts'
import { fetchComponents, type Fetched, type Fetching } from '../../runner/components/fetch.ts'
import type { Component } from '../../runner/core/components.ts'
import { labIn } from '../helpers/lab.ts'
import { eventually, runs } from '../helpers/nodes.ts'

const program = Buffer.from('#!/bin/sh\necho I am etcd\n'.repeat(20_000))
const sum = (data: Buffer): string => createHash('sha256').update(data).digest('hex')

interface Served {
  readonly url: string
  /** What was asked for, with the range. */
  readonly asked: string[]
}

/** Serves files; `cut` of them break off in the middle the first time. Answers nobody before it may. */
async function serve(files: Readonly<Record<string, Buffer | string>>, cut: readonly string[] = [], may: Promise<void> = Promise.resolve()): Promise<Served> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
    const first = asked.every(one => one.split(' ')[0] !== path)
    asked.push(from === 0 ? path : `${path} from ${from}`)
    const data = Buffer.from(files[path] ?? '')
    void may.then(() => {
      if (files[path] === undefined) response.writeHead(404).end('<html>')
      else if (from > 0 && from >= data.length) response.writeHead(416).end()
      else {
        response.writeHead(from > 0 ? 206 : 200, { 'content-length': data.length - from })
        if (cut.includes(path) && first) response.write(data.subarray(0, data.length / 2), () => response.destroy())
        else response.end(data.subarray(from))
      }
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => new Promise<void>(resolve => { server.closeAllConnections(); server.close(() => resolve()) }))
  const address = server.address()
  return { url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`, asked }
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'hardway-fetch-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

const etcd = (release?: Component['release']): Component => ({
  what: 'a store', version: 'v1', programs: ['etcd'], source: { folder: 'etcd', packages: { etcd: 'example.org/etcd' } }, ...(release === undefined ? {} : { release }),
})

interface Tried {
  readonly cache: string
  readonly said: string[]
  fetch(): Promise<readonly Fetched[]>
}

function trying(component: Component, options: Partial<Fetching> = {}): Tried {
  const cache = options.cache ?? folder()
  const sources = join(cache, 'sources')
  mkdirSync(join(sources, 'etcd'), { recursive: true })
  writeFileSync(join(sources, 'etcd/go.mod'), 'module x\n\ngo 1.26.0\n\nrequire example.org/etcd v1.0.0\n')
  const said: string[] = []
  return {
    cache, said,
    fetch: () => fetchComponents(['etcd'], { cache, sources, catalogue: { etcd: component }, progress: { say: text => said.push(text) }, signal: new AbortController().signal, ...options }),
  }
}

const target = (cache: string): string => join(cache, 'components', folderName('etcd', { version: 'v1' }))
/** Everything in the cache but what the test itself has put there. */
const there = (cache: string): readonly string[] => readdirSync(join(cache, 'components')).filter(name => name !== '.parts').toSorted()

/** A `go` that the shell script is. Its PATH has nothing else but what scripts need. */
function goIs(script: string): void {
  const bin = folder()
  writeFileSync(join(bin, 'go'), `#!/bin/sh\n${script}\n`)
  chmodSync(join(bin, 'go'), 0o755)
  vi.stubEnv('PATH', `${bin}:/usr/bin:/bin`)
  onTestFinished(() => { vi.unstubAllEnvs() })
}

const BUILDS = `case $1 in version) echo 'go version go1.26.1 linux/amd64' ;; build) while [ "$1" != -o ]; do shift; done; echo built >"$2" ;; esac`

test('What is published is taken when its checksum is the published one, and is there from then on; nodes may read it, whatever the umask', async () => {
  const umask = process.umask(0o077)
  onTestFinished(() => { process.umask(umask) })
  const { url, asked } = await serve({ '/etcd': program, '/etcd.sha256': sum(program) })
  const tried = trying(etcd(() => ({ url: `${url}/etcd`, sha256: `${url}/etcd.sha256` })))
  expect(await tried.fetch()).toMatchObject([{ name: 'etcd', version: 'v1', from: 'release', there: false }])
  expect(readFileSync(join(target(tried.cache), 'etcd')).equals(program)).toBe(true)
  for (const path of [join(tried.cache, 'components'), target(tried.cache), join(target(tried.cache), 'etcd')]) expect(statSync(path).mode & 0o777).toBe(0o755)
  expect(there(tried.cache)).toEqual([folderName('etcd', { version: 'v1' })])
  expect(await tried.fetch()).toMatchObject([{ from: 'release', there: true }])
  expect(asked).toEqual(['/etcd.sha256', '/etcd'])
})

test('Programs are taken out of an archive, and nothing else is; one that lacks a program is refused', async () => {
  const archive = pack()
  archive.entry({ name: './etcd-v1/README' }, 'read me')
  archive.entry({ name: './etcd-v1/etcd', mode: 0o644 }, 'a program')
  archive.finalize()
  const tar = gzipSync(await buffer(archive))
  const { url } = await serve({ '/a.tgz': tar, '/sums': `${'0'.repeat(64)}  other.tgz\n${sum(tar)}  a.tgz\n` })
  const release = (member: string) => () => ({ url: `${url}/a.tgz`, sha256: `${url}/sums`, members: { etcd: member } })
  const tried = trying(etcd(release('etcd-v1/etcd')))
  await tried.fetch()
  expect(readdirSync(target(tried.cache)).toSorted()).toEqual(['contents.json', 'etcd'])
  expect(readFileSync(join(target(tried.cache), 'etcd'), 'utf8')).toBe('a program')
  const lacking = trying(etcd(release('bin/etcd')))
  await expect(lacking.fetch()).rejects.toThrow('a.tgz has no bin/etcd')
  expect(there(lacking.cache)).toEqual([])
})

test('A wrong checksum is an error: nothing is used, and nothing is built in its place', async () => {
  goIs(BUILDS)
  const { url } = await serve({ '/etcd': program, '/etcd.sha256': '1'.repeat(64) })
  const tried = trying(etcd(() => ({ url: `${url}/etcd`, sha256: `${url}/etcd.sha256` })))
  await expect(tried.fetch()).rejects.toThrow(`/etcd has the SHA-256 ${sum(program)}, and ${'1'.repeat(64)} is published: it is not used`)
  expect(there(tried.cache)).toEqual([])
  expect(readdirSync(join(tried.cache, 'components/.parts'))).toEqual([])
})

test('A download that breaks off is gone on with where it ended', async () => {
  // So large that a part of it is on the disk before the end comes: what is under way then is lost.
  const large = Buffer.alloc(8 << 20, program)
  const { url, asked } = await serve({ '/etcd': large, '/etcd.sha256': sum(large) }, ['/etcd'])
  const tried = trying(etcd(() => ({ url: `${url}/etcd`, sha256: `${url}/etcd.sha256` })))
  expect(await tried.fetch()).toMatchObject([{ from: 'release', there: false }])
  expect(asked.at(-1)).toMatch(/^\/etcd from \d+$/)
  expect(readFileSync(join(target(tried.cache), 'etcd')).equals(large)).toBe(true)
})

test('What came before an interruption is not asked for again', async () => {
  const { url, asked } = await serve({ '/etcd': program, '/etcd.sha256': sum(program) })
  const tried = trying(etcd(() => ({ url: `${url}/etcd`, sha256: `${url}/etcd.sha256` })))
  mkdirSync(join(tried.cache, 'components/.parts'), { recursive: true })
  writeFileSync(join(tried.cache, 'components/.parts', `${sum(program)}.part`), program.subarray(0, 1000))
  expect(await tried.fetch()).toMatchObject([{ from: 'release', there: false }])
  expect(asked).toEqual(['/etcd.sha256', '/etcd from 1000'])
  expect(readFileSync(join(target(tried.cache), 'etcd')).equals(program)).toBe(true)
})

test('What came earlier and is not the same is asked for again from the beginning', async () => {
  const { url } = await serve({ '/etcd': program, '/etcd.sha256': sum(program) })
  for (const before of [Buffer.alloc(100), Buffer.alloc(program.length + 1)]) {
    const tried = trying(etcd(() => ({ url: `${url}/etcd`, sha256: `${url}/etcd.sha256` })))
    mkdirSync(join(tried.cache, 'components/.parts'), { recursive: true })
    writeFileSync(join(tried.cache, 'components/.parts', `${sum(program)}.part`), before)
    expect(await tried.fetch()).toMatchObject([{ from: 'release', there: false }])
    expect(readFileSync(join(target(tried.cache), 'etcd')).equals(program)).toBe(true)
  }
})

test('Where nothing can be reached Go builds it, and says why', async () => {
  goIs(BUILDS)
  const { url } = await serve({})
  const gone = trying(etcd(() => ({ url: `${url}/etcd`, sha256: `${url}/etcd.sha256` })))
  expect(await gone.fetch()).toMatchObject([{ from: 'source', there: false }])
  expect(gone.said).toContain(`${url}/etcd.sha256 answers 404`)
  // Port 9 of this host: nobody listens.
  const refused = trying(etcd(() => ({ url: 'http://127.0.0.1:9/etcd', sha256: 'http://127.0.0.1:9/etcd.sha256' })))
  expect(await refused.fetch()).toMatchObject([{ from: 'source' }])
  expect(refused.said.join()).toContain('http://127.0.0.1:9/etcd.sha256 cannot be reached')
  expect(readFileSync(join(target(refused.cache), 'etcd'), 'utf8')).toBe('built\n')
})

test('From source means from source', async () => {
  goIs(BUILDS)
  const { url, asked } = await serve({ '/etcd': program, '/etcd.sha256': sum(program) })
  const tried = trying(etcd(() => ({ url: `${url}/etcd`, sha256: `${url}/etcd.sha256` })), { fromSource: true })
  expect(await tried.fetch()).toMatchObject([{ from: 'source' }])
  expect(asked).toEqual([])
})

test('Without Go, with one that is too old, and with a build that fails, there is a reason and what mends it', async () => {
  for (const [script, reason] of [
    ['exit 127', /^there is no Go to build components with\n {2}mend it: install Go: https:\/\/go\.dev/],
    [`echo 'go version go1.19.8 linux/amd64'`, /^Go 1\.19\.8 is too old: 1\.26\.0 is needed, or 1\.21, which fetches it\n {2}mend it: /],
    [`case $1 in version) echo 'go version go1.26.1 linux/amd64' ;; *) echo 'go: example.org/etcd@v1.0.0: 403 Forbidden' >&2; exit 1 ;; esac`, /^`go build` failed: go: example\.org\/etcd@v1\.0\.0: 403 Forbidden$/],
  ] as const) {
    goIs(script)
    const tried = trying(etcd())
    await expect(tried.fetch()).rejects.toThrow(reason)
    expect(there(tried.cache)).toEqual([])
  }
})

test('An older Go is told to fetch the one that is needed, unless the environment forbids it; nothing is left beside the cache', async () => {
  goIs(`case $1 in
    version) echo 'go version go1.24.4 linux/amd64' ;;
    build) while [ "$1" != -o ]; do shift; done; printf '%s\\n' "$GOTOOLCHAIN" "$GOPATH" "$GOMODCACHE" "$GOCACHE" "$GOOS" "$CGO_ENABLED" >"$2" ;;
  esac`)
  for (const name of ['GOPATH', 'GOMODCACHE', 'GOCACHE', 'GOTOOLCHAIN']) vi.stubEnv(name, undefined)
  const tried = trying(etcd())
  await tried.fetch()
  const own = join(tried.cache, 'go')
  expect(readFileSync(join(target(tried.cache), 'etcd'), 'utf8').trim().split('\n')).toEqual(['auto', own, join(own, 'pkg/mod'), join(own, 'build'), 'linux', '0'])
  vi.stubEnv('GOTOOLCHAIN', 'local')
  vi.stubEnv('GOCACHE', '/elsewhere')
  const other = trying(etcd())
  await other.fetch()
  expect(readFileSync(join(target(other.cache), 'etcd'), 'utf8').split('\n')).toEqual(expect.arrayContaining(['local', '/elsewhere']))
})

test('What is damaged in the cache is not used, and fetched again', async () => {
  const { url } = await serve({ '/etcd': program, '/etcd.sha256': sum(program) })
  const tried = trying(etcd(() => ({ url: `${url}/etcd`, sha256: `${url}/etcd.sha256` })))
  const path = join(target(tried.cache), 'etcd')
  const changed = Buffer.from(program)
  changed[1000] = 0
  await tried.fetch()
  for (const [damage, said] of [
    [() => writeFileSync(path, program.subarray(0, 100)), 'etcd is damaged: it is fetched again'],
    [() => writeFileSync(path, changed), 'etcd is damaged: it is fetched again'],
    [() => writeFileSync(join(target(tried.cache), 'contents.json'), '{'), 'etcd is damaged: it is fetched again'],
    [() => rmSync(path), 'etcd is damaged: it is fetched again'],
  ] as const) {
    damage()
    tried.said.length = 0
    expect(await tried.fetch()).toMatchObject([{ there: false }])
    expect(tried.said).toContain(said)
    expect(readFileSync(path).equals(program)).toBe(true)
  }
  expect(there(tried.cache)).toEqual([folderName('etcd', { version: 'v1' })])
})

test('A start does not see what has another size than what was fetched', () => {
  const cache = folder()
  const name = join(cache, 'components', folderName('etcd'))
  mkdirSync(name, { recursive: true })
  writeFileSync(join(name, 'etcd'), 'twelve bytes')
  expect(fetched(cache)).toEqual([])
  writeFileSync(join(name, 'contents.json'), JSON.stringify({ from: 'source', programs: { etcd: { bytes: 12, sha256: '' } } }))
  expect(fetched(cache)).toEqual(['etcd'])
  writeFileSync(join(name, 'etcd'), 'twelve')
  expect(fetched(cache)).toEqual([])
})

test('Two who fetch at the same time fetch once', async () => {
  // Whoever is first is not done before the other is there.
  const waited = Promise.withResolvers<void>()
  const { url, asked } = await serve({ '/etcd': program, '/etcd.sha256': sum(program) }, [], waited.promise)
  const component = etcd(() => ({ url: `${url}/etcd`, sha256: `${url}/etcd.sha256` }))
  const one = trying(component)
  const other = trying(component, { cache: one.cache })
  const fetching = Promise.all([one.fetch(), other.fetch()])
  await eventually(() => [...one.said, ...other.said].join(), said => said.includes(`waiting for process ${process.pid}`))
  waited.resolve()
  const both = await fetching
  expect(both.flat().filter(each => each.there)).toHaveLength(1)
  expect(asked).toEqual(['/etcd.sha256', '/etcd'])
})

test('Who was killed while fetching leaves nothing that is used, or that is waited for', async () => {
  goIs(BUILDS)
  const tried = trying(etcd())
  mkdirSync(join(tried.cache, 'components'))
  // A process that has ended: nobody has its number any more.
  const ended = spawn('true')
  await new Promise(resolve => ended.on('close', resolve))
  writeFileSync(join(tried.cache, 'components/.lock'), `${ended.pid}\n`)
  mkdirSync(`${target(tried.cache)}.making-${ended.pid}`)
  writeFileSync(join(`${target(tried.cache)}.making-${ended.pid}`, 'etcd'), 'half')
  expect(fetched(tried.cache)).toEqual([])
  expect(await tried.fetch()).toMatchObject([{ from: 'source' }])
  expect(there(tried.cache)).toEqual([folderName('etcd', { version: 'v1' })])
})

test('Interrupted, it ends what it has started and leaves nothing', async () => {
  const mark = join(folder(), 'pid')
  goIs(`case $1 in version) echo 'go version go1.26.1 linux/amd64' ;; *) sleep 300 & echo $! >${mark}; wait ;; esac`)
  const stop = new AbortController()
  const tried = trying(etcd(), { signal: stop.signal })
  const fetching = tried.fetch()
  fetching.catch(() => {})
  await eventually(() => existsSync(mark) && readFileSync(mark, 'utf8'), text => text !== '' && text !== false)
  stop.abort(new Error('enough'))
  await expect(fetching).rejects.toThrow('enough')
  expect(there(tried.cache)).toEqual([])
  await eventually(() => runs(Number(readFileSync(mark, 'utf8'))), running => !running)
})

test('A list of checksums is read as sha256sum writes it, or as a sum alone', () => {
  const [a, b] = ['a'.repeat(64), 'B'.repeat(64)]
  expect(sumIn(`${a}  one.tgz\n${b} *two.tgz\n`, 'two.tgz')).toBe(b.toLowerCase())
  expect(sumIn(`${a}  ./out/one.tgz\n`, 'one.tgz')).toBe(a)
  expect(sumIn(`${a}\n`, 'anything')).toBe(a)
  expect(sumIn(`${a}  one.tgz\n`, 'two.tgz')).toBe(undefined)
  expect(sumIn('<html>', 'one.tgz')).toBe(undefined)
  expect(sumIn('', 'one.tgz')).toBe(undefined)
})

test('lab fetch says what it does not know, and takes names or --all', async () => {
  const lab = labIn({ LAB_CACHE: folder() })
  expect(await lab.run('fetch', 'kube-proxi')).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^lab: no component is called `kube-proxi`; expected .* \(nearest: `kube-proxy`\)\n$/) })
  expect(await lab.run('fetch', 'etcd', '--all')).toMatchObject({ code: 2, stderr: 'lab: either components or --all\n' })
})
