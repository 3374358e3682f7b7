// The image of the lab's container: the recipe's root filesystem, with every file owned by root of a node.
import { spawn, type ChildProcessByStdio } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { PassThrough, type Readable, type Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { Unable } from '../../core/mistake.ts'
import type { Progress } from '../../core/provider.ts'
import { identity } from '../embedded/identity.ts'
import { makeRootfs, rootfs } from '../embedded/rootfs.ts'
import { recipe } from '../recipe.ts'
import { hasImage, imageName, imageTag, REPOSITORY, type EngineInfo } from './container.ts'
import { demux, errorIn, type Engine } from './engine.ts'
import { usersOf } from './users.ts'

/** Three ways, the fastest that works here: what `embedded` has prepared; the engine itself; preparing it as `embedded` would. */
export async function makeImage(engine: Engine, cache: string, labels: Readonly<Record<string, string>>, progress: Progress): Promise<void> {
  const info = await engine.call<EngineInfo>('GET', '/info')
  if (await hasImage(engine, imageName(info))) return
  const here = await canUseOurs(engine)
  if (here && existsSync(rootfs(cache))) return importOurs(engine, info, cache, progress)
  try {
    await makeByEngine(engine, info, labels, progress)
  } catch (error) {
    if (!here || !(error instanceof Unable)) throw error
    progress.say(`the engine could not make it (${error.message}); trying without`)
    await makeRootfs(cache, progress)
    await importOurs(engine, info, cache, progress)
  }
}

/** This host's programs must be of the kind that the engine's machine runs. */
async function canUseOurs(engine: Engine): Promise<boolean> {
  if (process.platform !== 'linux') return false
  const { Arch } = await engine.call<{ Arch: string }>('GET', '/version')
  return Arch === ({ x64: 'amd64', arm64: 'arm64' } as Readonly<Record<string, string>>)[process.arch]
}

async function importOurs(engine: Engine, info: EngineInfo, cache: string, progress: Progress): Promise<void> {
  const who = identity()
  const tar = ['tar', '-C', rootfs(cache), '--numeric-owner', '--one-file-system', '-cf', '-', '.']
  progress.say('handing the prepared root filesystem to the engine')
  if (who.root) {
    const child = spawn('tar', tar.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
    return ended(child, importTar(engine, info, child.stdout, who.nodeRoot))
  }
  // Only root of a user namespace that maps the files' owners may read them all. There root of a node is 1.
  const child = spawn('unshare', ['-U', '--keep-caps', 'sh', '-c',
    'echo born >&2; read -r _; exec setpriv --reuid 0 --regid 0 --clear-groups "$@"', 'sh', ...tar], { stdio: ['pipe', 'pipe', 'pipe'] })
  child.stderr.once('data', () => {
    who.map(child.pid ?? 0).then(() => child.stdin.end('mapped\n'), () => child.kill())
  })
  return ended(child, importTar(engine, info, child.stdout, 1))
}

async function ended(child: ChildProcessByStdio<null, Readable, Readable> | ChildProcessByStdio<Writable, Readable, Readable>, taken: Promise<void>): Promise<void> {
  let said = ''
  child.stderr.on('data', (piece: Buffer) => { said = (said + piece.toString()).slice(-2000) })
  const code = new Promise<number | null>((resolve, reject) => child.on('close', resolve).on('error', reject))
  try {
    await taken
  } finally {
    child.kill()
  }
  // An image made of half a tar would be found by every later start: it is not named before this.
  if (await code !== 0) throw new Unable(`could not read the prepared root filesystem: ${said.trim().split('\n').at(-1)}`)
}

async function makeByEngine(engine: Engine, info: EngineInfo, labels: Readonly<Record<string, string>>, progress: Progress): Promise<void> {
  const { suite, packages } = recipe()
  const base = `debian:${suite}-slim`
  if (!await hasImage(engine, base)) {
    progress.say(`pulling ${base}`)
    await pull(engine, 'debian', `${suite}-slim`)
  }
  progress.say(`installing ${packages.length} packages into ${base}`)
  const { Id } = await engine.call<{ Id: string }>('POST', '/containers/create', {
    // The one container of ours with a way out, for as long as it installs.
    body: {
      Image: base, Labels: labels, Env: ['DEBIAN_FRONTEND=noninteractive'],
      Cmd: ['sh', '-ec', `apt-get -q update; apt-get -q install -y --no-install-recommends ${packages.join(' ')}; apt-get clean; rm -rf /var/lib/apt/lists/*; : >/etc/machine-id`],
    },
  })
  try {
    await engine.call('POST', `/containers/${Id}/start`)
    const log = await engine.open('GET', `/containers/${Id}/logs`, { query: { follow: 'true', stdout: 'true', stderr: 'true' } })
    let last = ''
    const lines = createInterface({ input: plain(log) })
    lines.on('line', line => {
      if (/^(E|W|Err)[: ]/.test(line)) last = line
      else if (/^(Setting up|Get:)/.test(line)) progress.say(line.slice(0, 100))
    })
    const { StatusCode } = await engine.call<{ StatusCode: number }>('POST', `/containers/${Id}/wait`)
    if (StatusCode !== 0) throw new Unable(`apt-get failed in a container of ${base}: ${last || `exit ${StatusCode}`}`)
    progress.say('making the image')
    await importTar(engine, info, await engine.open('GET', `/containers/${Id}/export`), 0)
  } finally {
    await engine.call('DELETE', `/containers/${Id}`, { query: { force: 'true', v: 'true' } }).catch(() => {})
  }
}

/** Both outputs of a stream that carries them, as one. */
function plain(log: Readable): Readable {
  const both = new PassThrough()
  demux(log, (_, piece) => both.write(piece))
  log.on('end', () => both.end()).on('error', error => both.destroy(error))
  return both
}

async function pull(engine: Engine, repository: string, tag: string): Promise<void> {
  const said = await text(await engine.open('POST', '/images/create', { query: { fromImage: repository, tag } }))
  const error = errorIn(said)
  if (error !== undefined) throw new Unable(`could not pull ${repository}:${tag}: ${error}`)
}

/** Makes the image of a tar, in which root has the number `root` and the others follow. */
async function importTar(engine: Engine, info: EngineInfo, tar: Readable, root: number): Promise<void> {
  const { ofNode } = usersOf(info)
  const { extract, pack } = await import('tar-stream')
  const reading = extract()
  const writing = pack()
  reading.on('entry', (header, stream, next) => {
    const name = header.name.replace(/^(\.?\/)+/, '')
    // What the engine has put into a container of its own is not the recipe's.
    if (name === '.dockerenv' || /^(dev|proc|sys)\/./.test(name)) {
      stream.resume()
      stream.on('end', next)
      return
    }
    const { pax: _, ...rest } = header
    const changed = {
      ...rest, uid: ofNode((header.uid ?? root) - root), gid: ofNode((header.gid ?? root) - root), uname: '', gname: '',
      // Owned by root of a node, these would run as that user when the container's root or the lab's runs them.
      mode: /^(usr\/)?bin\/u?mount$/.test(name) ? 0o755 : header.mode ?? 0o644,
    }
    if (header.type === 'file' || header.type === 'contiguous-file') {
      stream.pipe(writing.entry(changed, error => next(error)))
    } else {
      stream.resume()
      writing.entry(changed, '', error => next(error))
    }
  })
  reading.on('finish', () => writing.finalize())
  const [answer] = await Promise.all([
    engine.open('POST', '/images/create', { query: { fromSrc: '-' }, stream: writing as unknown as Readable }).then(text),
    pipeline(tar, reading),
  ])
  const last = answer.trim().split('\n').map(line => JSON.parse(line) as { status?: string; error?: string }).at(-1)
  if (last?.status === undefined) throw new Unable(`the engine did not take the image: ${last?.error ?? answer}`)
  // Podman reads the name of an import in a way of its own.
  await engine.call('POST', `/images/${last.status.replace(/^sha256:/, '')}/tag`, { query: { repo: REPOSITORY, tag: imageTag(info) } })
}
