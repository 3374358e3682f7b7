// What a project has published, checked against the checksum that it has published beside it.
import { createWriteStream } from 'node:fs'
import { mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import { createReadStream } from 'node:fs'
import type { Release } from '../core/components.ts'
import { Unable } from '../core/mistake.ts'
import type { Progress } from '../core/provider.ts'
import { sha256 } from './cache.ts'

/** It cannot be reached, or is not there: another way may do. A wrong checksum is no such thing. */
export class Unreached extends Error {}

/** No answer, or nothing more, for so long. */
const PATIENCE_MS = 20_000
const STEP = 10

/** Puts the programs into a folder. What has come before an interruption is kept in `parts`, and not asked for again. */
export async function download(release: Release, programs: readonly string[], into: string, parts: string, progress: Progress, signal: AbortSignal): Promise<void> {
  const expected = sumIn(await text(release.sha256, signal), fileOf(release.url))
  if (expected === undefined) throw new Unreached(`${release.sha256} has no SHA-256 of ${fileOf(release.url)}`)
  const whole = join(parts, expected)
  await mkdir(parts, { recursive: true })
  if (!await isThere(whole)) await receive(release.url, `${whole}.part`, expected, whole, progress, signal)
  if (release.members === undefined) await copy(whole, join(into, programs[0] ?? ''))
  else await unpack(whole, into, release.members, fileOf(release.url))
  await rm(whole)
}

/** `sha256sum` writes a line for each file, some projects the sum alone. */
export function sumIn(list: string, file: string): string | undefined {
  const lines = list.trim().split('\n').map(line => line.trim().split(/\s+/))
  const [, sum] = [lines.find(([, name = '']) => name.replace(/^\*|^.*\//g, '') === file), ...lines.filter(parts => parts.length === 1)]
    .map((parts, index) => [index, parts?.[0]] as const).find(([, candidate]) => candidate !== undefined) ?? []
  return sum !== undefined && /^[0-9a-f]{64}$/i.test(sum) ? sum.toLowerCase() : undefined
}

/** Lines that break are mended by themselves, more often than not. */
const TRIES = 5

async function receive(url: string, part: string, expected: string, whole: string, progress: Progress, signal: AbortSignal, tries = TRIES): Promise<void> {
  const have = await stat(part).then(({ size }) => size, () => 0)
  const { response, alive } = await ask(url, signal, have === 0 ? {} : { range: `bytes=${have}-` })
  // 416: there is no more of it than is here, or what is here is of something else.
  const resumed = response.status === 206
  const total = Number(response.headers.get('content-length') ?? 0) + (resumed ? have : 0)
  let bytes = resumed ? have : 0
  let said = -1
  const counted = async function* (body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      alive()
      bytes += piece.length
      const share = total === 0 ? 0 : Math.floor(bytes * 100 / total / STEP) * STEP
      if (share > said) progress.say(`downloading ${fileOf(url)}: ${said = share} % of ${Math.round(total / 1e6)} MB`)
      yield piece
    }
  }
  if (response.body === null) throw new Unreached(`${url} is empty`)
  try {
    await pipeline(Readable.fromWeb(response.body as never), counted, createWriteStream(part, { flags: resumed ? 'a' : 'w' }), { signal })
  } catch (error) {
    signal.throwIfAborted()
    if (tries > 1) return receive(url, part, expected, whole, progress, signal, tries - 1)
    throw new Unreached(`${url} broke off: ${reason(error)}`)
  }
  const sum = await sha256(part)
  if (sum !== expected) {
    await rm(part)
    // Half of it came earlier, perhaps of something else.
    if (resumed) return receive(url, part, expected, whole, progress, signal, tries)
    throw new Unable(`${url} has the SHA-256 ${sum}, and ${expected} is published: it is not used\n  mend it: try again; \`--from-source\` builds it instead`)
  }
  await synced(part)
  await rename(part, whole)
}

interface Answer {
  readonly response: Response
  /** To be called while something comes. */
  alive(): void
}

async function ask(url: string, signal: AbortSignal, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const stalled = new AbortController()
  const timer = setTimeout(() => stalled.abort(new Error(`nothing came for ${PATIENCE_MS / 1000} s`)), PATIENCE_MS).unref()
  let response: Response
  try {
    response = await fetch(url, { headers, signal: AbortSignal.any([signal, stalled.signal]) })
  } catch (error) {
    signal.throwIfAborted()
    throw new Unreached(`${url} cannot be reached: ${reason(error)}`)
  }
  if (response.status === 416) return ask(url, signal)
  if (!response.ok) throw new Unreached(`${url} answers ${response.status}`)
  return { response, alive: () => void timer.refresh() }
}

async function text(url: string, signal: AbortSignal): Promise<string> {
  const { response } = await ask(url, signal)
  return response.text().catch((error: unknown) => { throw new Unreached(`${url} broke off: ${reason(error)}`) })
}

function reason(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  return cause instanceof Error ? cause.message : String(cause)
}

function fileOf(url: string): string {
  return new URL(url).pathname.split('/').at(-1) ?? ''
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(() => true, () => false)
}

async function copy(from: string, to: string): Promise<void> {
  await pipeline(createReadStream(from), createWriteStream(to, { mode: 0o755 }))
}

async function unpack(archive: string, into: string, members: Readonly<Record<string, string>>, name: string): Promise<void> {
  const { extract } = await import('tar-stream')
  const reading = extract()
  const missing = new Map(Object.entries(members).map(([program, member]) => [plain(member), program]))
  reading.on('entry', (header, stream, next) => {
    const program = header.type === 'file' ? missing.get(plain(header.name)) : undefined
    if (program === undefined) {
      stream.resume()
      stream.on('end', next)
      return
    }
    missing.delete(plain(header.name))
    pipeline(stream, createWriteStream(join(into, program), { mode: 0o755 })).then(() => next(), next)
  })
  await pipeline(createReadStream(archive), createGunzip(), reading)
  if (missing.size > 0) throw new Unable(`${name} has no ${[...missing.keys()].join(', ')}`)
}

function plain(member: string): string {
  return member.replace(/^\.\//, '')
}

/** On the disk, before a name says that it is. */
export async function synced(path: string): Promise<void> {
  for (const each of [path, dirname(path)]) {
    const file = await open(each, 'r')
    try {
      await file.sync()
    } finally {
      await file.close()
    }
  }
}
